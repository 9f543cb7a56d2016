import os
import socket
import subprocess

import pytest

from jobs.documents.listing import FileRules, ListingNotes, find, survey


@pytest.fixture(autouse=True)
def _in_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make(tmp_path):
    def make(*names, content="text\n"):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return make


def found(*arguments, **rules):
    return [source.document for source in find(arguments, FileRules(**rules)) if not source.refused]


def refused(*arguments, **rules):
    return {source.document: source.refused for source in find(arguments, FileRules(**rules)) if source.refused}


def test_folders_are_read_with_all_below_them_sorted_by_the_bytes_of_their_names(make):
    make("d/b.md", "d/a/z.md", "d/B.md", "d/a.md", "d/é.md", "d/a/y/x.txt")
    assert found("d") == ["d/B.md", "d/a/y/x.txt", "d/a/z.md", "d/a.md", "d/b.md", "d/é.md"]


def test_a_source_tells_where_to_open_it_and_how_large_it_is(make, tmp_path):
    make("d/a.md", content="12345")
    (source,) = find([str(tmp_path / "d")], FileRules())
    assert (source.path, source.document, source.size) == (str(tmp_path / "d/a.md"), str(tmp_path / "d/a.md"), 5)


@pytest.mark.parametrize("argument", ["d", "d/", "./d", ".//d/.", "./d//"])
def test_names_are_without_noise(make, argument):
    make("d/a.md")
    assert found(argument) == ["d/a.md"]


def test_the_working_directory_adds_nothing_to_names(make):
    make("a.md", "d/b.md")
    assert found(".") == ["a.md", "d/b.md"]


def test_listing_is_lazy(make):
    make("a/1.md", "b/2.md")
    sources = find(["a", "b"], FileRules())
    assert next(sources).document == "a/1.md"
    make("b/1.md")
    assert [source.document for source in sources] == ["b/1.md", "b/2.md"]


@pytest.mark.parametrize(
    "arguments",
    [["d", "d/a.md"], ["d/a.md", "d"], ["d", "d/e"], ["d/e", "d"], ["d", "./d"], ["link", "d"], ["d", "link/a.md"]],
)
def test_a_file_reached_through_two_arguments_is_read_once(make, tmp_path, arguments):
    make("d/a.md", "d/e/b.md")
    (tmp_path / "link").symlink_to("d")
    names = [os.path.realpath(name) for name in found(*arguments)]
    assert sorted(names) == [str(tmp_path / "d/a.md"), str(tmp_path / "d/e/b.md")]


def test_hidden_files_and_folders_are_left_out_and_counted(make):
    make("d/.hidden.md", "d/.git/a.md", "d/.git/b.md", "d/a.md")
    notes = ListingNotes()
    assert [source.document for source in find(["d"], FileRules(), notes)] == ["d/a.md"]
    assert notes.hidden == 2
    assert found("d", "d/.hidden.md", "d/.git") == ["d/a.md", "d/.hidden.md", "d/.git/a.md", "d/.git/b.md"]


def test_what_cannot_be_read_is_named_with_the_reason_and_what_to_do(make, tmp_path):
    make("d/a.png", "d/Makefile", "d/ok.md")
    make("d/large.md", content="x" * 101)
    os.mkfifo(tmp_path / "d/pipe.md")
    (tmp_path / "d/link.md").symlink_to("ok.md")
    (tmp_path / "d/loop").symlink_to(".")
    (tmp_path / "d/folder.txt").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("d/s.md")
        reasons = refused("d", "missing.md", "/dev/null", max_file_size=100)
    assert {name: reason.split(";")[0] for name, reason in reasons.items()} == {
        "d/Makefile": "there is no reader for names without an ending",
        "d/a.png": "there is no reader for .png files",
        "d/large.md": "it has 101 bytes and the limit is 100",
        "d/link.md": "it is a symbolic link",
        "d/loop": "it is a symbolic link",
        "d/pipe.md": "it is a named pipe, not a regular file",
        "d/s.md": "it is a socket, not a regular file",
        "missing.md": "no such file or directory",
        "/dev/null": "it is a device, not a regular file",
    }
    assert all("; " in reason for reason in reasons.values())


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_read(open_folder, as_nobody):
    for name in ("a/1.md", "locked/2.md", "z/3.md"):
        (open_folder / name).parent.mkdir()
        (open_folder / name).write_text("x")
    (open_folder / "locked").chmod(0)
    try:
        with as_nobody():
            sources = list(find([str(open_folder), str(open_folder / "locked/2.md")], FileRules()))
    finally:
        (open_folder / "locked").chmod(0o755)
    assert [(source.path.removeprefix(str(open_folder)), source.refused) for source in sources] == [
        ("/a/1.md", ""),
        ("/locked", "it cannot be listed: permission denied; check the permissions"),
        ("/z/3.md", ""),
        ("/locked/2.md", "permission denied; check the name and the permissions"),
    ]


def test_links_are_followed_on_request_and_loops_end(make, tmp_path):
    make("d/a.md", "other/b.md")
    for name, target in {"file.md": "a.md", "out": "../other", "loop": ".", "up": "..", "nowhere.md": "gone"}.items():
        (tmp_path / "d" / name).symlink_to(target)
    assert found("d", follow_symlinks=True) == ["d/a.md", "d/file.md", "d/out/b.md"]
    assert list(refused("d", follow_symlinks=True)) == ["d/nowhere.md"]


def test_an_argument_that_is_a_link_is_followed_and_keeps_its_name(make, tmp_path):
    make("d/blob")
    (tmp_path / "named.md").symlink_to("d/blob")
    (source,) = find(["named.md"], FileRules())
    assert (source.document, source.path, source.refused) == ("named.md", str(tmp_path / "d/blob"), "")


def test_an_argument_that_is_a_loop_is_refused(tmp_path):
    (tmp_path / "loop.md").symlink_to("loop.md")
    assert "too many levels of symbolic links" in refused("loop.md")["loop.md"]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ({"include": ("*.md",)}, ["d/a.md", "d/drafts/deep/c.md", "d/drafts/x.md"]),
        ({"exclude": ("drafts/**",)}, ["d/a.md", "d/b.txt"]),
        ({"exclude": ("drafts",)}, ["d/a.md", "d/b.txt"]),
        ({"exclude": ("./drafts/",)}, ["d/a.md", "d/b.txt"]),
        ({"exclude": ("**/deep",)}, ["d/a.md", "d/b.txt", "d/drafts/x.md"]),
        ({"include": ("**/a.md", "drafts/*.md"), "exclude": ("x*",)}, ["d/a.md", "d/drafts/deep/c.md"]),
        ({"include": ("[ab].*",)}, ["d/a.md", "d/b.txt"]),
        ({"include": ("none",)}, []),
    ],
)
def test_globs_are_tried_on_the_name_and_on_the_path_below_the_argument(make, rules, names):
    make("d/a.md", "d/b.txt", "d/drafts/x.md", "d/drafts/deep/c.md")
    assert found("d", **rules) == names


def test_what_globs_leave_out_is_not_reported(make):
    make("d/a.md", "d/p.png")
    assert refused("d", exclude=("*.png",)) == {}
    assert found("d/a.md", exclude=("*.md",)) == []


def test_what_the_run_writes_is_never_read(make, tmp_path):
    make("a.md", "out/b.md", "out/sub/c.md", "cache/d.md")
    rules = {"leave_out": (tmp_path / "out", tmp_path / "cache", tmp_path / "missing")}
    assert found(".", **rules) == ["a.md"]
    assert set(refused("out", "out/sub/c.md", **rules)) == {"out", "out/sub/c.md"}


def test_names_that_are_no_utf_8_and_names_that_are_traps(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    names = [b"caf\xe9.md", b"a\nb.md", b"\x1b[31m.md", b"[bold]x[", b"[", b"-rf.md", b" .md", "日本.md".encode()]
    for name in names:
        with open(os.fsencode(folder) + b"/" + name, "w") as file:  # noqa: PTH123 (a name of bytes)
            file.write("x")
    sources = list(find(["d"], FileRules()))
    documents = {source.document for source in sources}
    assert {
        "d/caf%E9.md",
        "d/a\nb.md",
        "d/\x1b[31m.md",
        "d/-rf.md",
        "d/ .md",
        "d/日本.md",
        "d/[bold]x[",
        "d/[",
    } == documents
    assert all(document.encode() for document in documents)
    assert sorted(os.fsencode(source.path) for source in sources) == sorted(b"d/" + name for name in names)


def test_folders_nested_more_deeply_than_calls_are_listed(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    depth = 1200
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("a.md", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)
    try:
        (document,) = found("d")
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # shutil.rmtree calls itself
    assert document == "d/" * depth + "a.md"


def test_a_survey_counts_what_will_be_read(make):
    make("d/a.md", "d/b/c.txt", content="1234")
    make("d/p.png")
    assert survey(["d", "missing"], FileRules()) == (4, 8)


def test_what_goes_first_is_told_by_its_path_below_the_argument(make):
    make("d/a.md", "d/urgent/b.md", "d/urgent/c.png", "d/x/b.md", "e.md")
    notes = ListingNotes()
    rules = FileRules(first=("urgent/*", "e.md"))
    assert [source.document for source in find(["d", "e.md"], rules, notes) if source.first] == [
        "d/urgent/b.md", "d/urgent/c.png", "e.md",
    ]  # fmt: skip
    assert notes.first == 3
    assert not any(source.first for source in find(["d", "e.md"], FileRules()))
