"""Listing files."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.documents.listing import FileRules, ListingState, _display, count_files, list_files


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


def listed(*arguments, **rules):
    return [source.document for source in list_files(arguments, FileRules(**rules)) if not source.unreadable_reason]


def unreadable(*arguments, **rules):
    return {
        source.document: source.unreadable_reason
        for source in list_files(arguments, FileRules(**rules))
        if source.unreadable_reason
    }


def test_folders_are_listed_recursively_in_the_byte_order_of_their_names(make):
    make("d/b.md", "d/a/z.md", "d/B.md", "d/a.md", "d/é.md", "d/a/y/x.txt")
    assert listed("d") == ["d/B.md", "d/a/y/x.txt", "d/a/z.md", "d/a.md", "d/b.md", "d/é.md"]


def test_a_source_has_a_path_and_a_size(make, tmp_path):
    make("d/a.md", content="12345")
    (source,) = list_files([str(tmp_path / "d")], FileRules())
    assert (source.path, source.document, source.size) == (str(tmp_path / "d/a.md"), str(tmp_path / "d/a.md"), 5)


@pytest.mark.parametrize("argument", ["d", "d/", "./d", ".//d/.", "./d//"])
def test_document_names_are_normalised(make, argument):
    make("d/a.md")
    assert listed(argument) == ["d/a.md"]


def test_the_working_directory_is_not_part_of_document_names(make):
    make("a.md", "d/b.md")
    assert listed(".") == ["a.md", "d/b.md"]


def test_listing_is_lazy(make):
    make("a/1.md", "b/2.md")
    sources = list_files(["a", "b"], FileRules())
    assert next(sources).document == "a/1.md"
    make("b/1.md")
    assert [source.document for source in sources] == ["b/1.md", "b/2.md"]


@pytest.mark.parametrize(
    "arguments",
    [["d", "d/a.md"], ["d/a.md", "d"], ["d", "d/e"], ["d/e", "d"], ["d", "./d"], ["link", "d"], ["d", "link/a.md"]],
)
def test_a_file_below_two_arguments_is_listed_once(make, tmp_path, arguments):
    make("d/a.md", "d/e/b.md")
    (tmp_path / "link").symlink_to("d")
    names = [os.path.realpath(name) for name in listed(*arguments)]
    assert sorted(names) == [str(tmp_path / "d/a.md"), str(tmp_path / "d/e/b.md")]


def test_hidden_files_and_folders_are_skipped_and_counted(make):
    make("d/.hidden.md", "d/.git/a.md", "d/.git/b.md", "d/a.md")
    state = ListingState()
    assert [source.document for source in list_files(["d"], FileRules(), state)] == ["d/a.md"]
    assert state.hidden == 2
    assert listed("d", "d/.hidden.md", "d/.git") == ["d/a.md", "d/.hidden.md", "d/.git/a.md", "d/.git/b.md"]


def test_unreadable_files_are_listed_with_a_reason_and_a_remedy(make, tmp_path):
    make("d/a.png", "d/Makefile", "d/ok.md")
    make("d/large.md", content="x" * 101)
    os.mkfifo(tmp_path / "d/pipe.md")
    (tmp_path / "d/link.md").symlink_to("ok.md")
    (tmp_path / "d/loop").symlink_to(".")
    (tmp_path / "d/folder.txt").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("d/s.md")
        reasons = unreadable("d", "missing.md", "/dev/null", max_file_size=100)
    assert {name: reason.split(";")[0] for name, reason in reasons.items()} == {
        "d/Makefile": "there is no reader for files without an extension",
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


def test_a_folder_that_cannot_be_listed_is_unreadable_and_the_rest_is_listed(open_folder, as_nobody):
    for name in ("a/1.md", "locked/2.md", "z/3.md"):
        (open_folder / name).parent.mkdir()
        (open_folder / name).write_text("x")
    (open_folder / "locked").chmod(0)
    try:
        with as_nobody():
            sources = list(list_files([str(open_folder), str(open_folder / "locked/2.md")], FileRules()))
    finally:
        (open_folder / "locked").chmod(0o755)
    assert [(source.path.removeprefix(str(open_folder)), source.unreadable_reason) for source in sources] == [
        ("/a/1.md", ""),
        ("/locked", "it cannot be listed: permission denied; check the permissions"),
        ("/z/3.md", ""),
        ("/locked/2.md", "permission denied; check the name and the permissions"),
    ]


def test_links_are_followed_with_the_option_and_loops_end(make, tmp_path):
    make("d/a.md", "other/b.md")
    for name, target in {"file.md": "a.md", "out": "../other", "loop": ".", "up": "..", "nowhere.md": "gone"}.items():
        (tmp_path / "d" / name).symlink_to(target)
    assert listed("d", follow_symlinks=True) == ["d/a.md", "d/file.md", "d/out/b.md"]
    assert list(unreadable("d", follow_symlinks=True)) == ["d/nowhere.md"]


def test_an_argument_that_is_a_link_is_followed_and_keeps_its_name(make, tmp_path):
    make("d/blob")
    (tmp_path / "named.md").symlink_to("d/blob")
    (source,) = list_files(["named.md"], FileRules())
    assert (source.document, source.path, source.unreadable_reason) == ("named.md", str(tmp_path / "d/blob"), "")


def test_an_argument_that_is_a_link_to_itself_is_unreadable(tmp_path):
    (tmp_path / "loop.md").symlink_to("loop.md")
    assert "too many levels of symbolic links" in unreadable("loop.md")["loop.md"]


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
def test_globs_match_the_name_or_the_path_below_the_argument(make, rules, names):
    make("d/a.md", "d/b.txt", "d/drafts/x.md", "d/drafts/deep/c.md")
    assert listed("d", **rules) == names


def test_files_left_out_by_globs_are_not_reported(make):
    make("d/a.md", "d/p.png")
    assert unreadable("d", exclude=("*.png",)) == {}
    assert listed("d/a.md", exclude=("*.md",)) == []


def test_the_folders_that_the_run_writes_to_are_never_read(make, tmp_path):
    make("a.md", "out/b.md", "out/sub/c.md", "cache/d.md")
    rules = {"skip_folders": (tmp_path / "out", tmp_path / "cache", tmp_path / "missing")}
    assert listed(".", **rules) == ["a.md"]
    assert set(unreadable("out", "out/sub/c.md", **rules)) == {"out", "out/sub/c.md"}


def test_unusual_names_and_names_that_are_not_utf_8(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    names = [b"caf\xe9.md", b"a\nb.md", b"\x1b[31m.md", b"[bold]x[", b"[", b"-rf.md", b" .md", "日本.md".encode()]
    for name in names:
        with open(os.fsencode(folder) + b"/" + name, "w") as file:  # noqa: PTH123 (a name of bytes)
            file.write("x")
    sources = list(list_files(["d"], FileRules()))
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


@given(st.lists(st.binary(min_size=1, max_size=6).filter(lambda name: not set(name) & set(b"\0/")), max_size=4))
@example([b"a\xff.md", b"a%FF.md", b"a%25FF.md", b"100%.md"])
def test_no_two_files_have_the_same_document_name(names):
    files = {Path(os.fsdecode(name)) for name in names}
    assert len({_display(file) for file in files}) == len(files)


def test_a_percent_sign_is_encoded_only_where_it_reads_like_a_byte(tmp_path):
    for name in (b"a\xff.md", b"a%FF.md", b"100%.md"):
        (tmp_path / os.fsdecode(name)).write_text("text\n")
    assert listed(".") == ["100%.md", "a%25FF.md", "a%FF.md"]


def test_folders_nested_more_deeply_than_the_recursion_limit_are_listed(tmp_path):
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
        (document,) = listed("d")
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # shutil.rmtree is recursive
    assert document == "d/" * depth + "a.md"


def test_documents_and_bytes_are_counted(make):
    make("d/a.md", "d/b/c.txt", content="1234")
    make("d/p.png")
    assert count_files(["d", "missing"], FileRules()) == (4, 8)


def test_files_are_first_by_their_path_below_the_argument(make):
    make("d/a.md", "d/urgent/b.md", "d/urgent/c.png", "d/x/b.md", "e.md")
    state = ListingState()
    rules = FileRules(first=("urgent/*", "e.md"))
    assert [source.document for source in list_files(["d", "e.md"], rules, state) if source.first] == [
        "d/urgent/b.md", "d/urgent/c.png", "e.md",
    ]  # fmt: skip
    assert state.first == 3
    assert not any(source.first for source in list_files(["d", "e.md"], FileRules()))
