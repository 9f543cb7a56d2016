"""Reading one file and splitting it."""

import json
from pathlib import Path

import pytest

from jobs.documents import parsing
from jobs.documents.document import Document, Part, Source, UnreadableError
from jobs.documents.parsing import MAX_SECTIONS, Limits, parse

GOLDEN = Path(__file__).parent / "golden"
LIMITS = Limits(max_tokens=2000, max_file_size=1 << 20)


def parsed(path, limits=LIMITS):
    """The document and all its sections. Only the last chunk is done."""
    chunks = list(parse(Source(str(path), path.name), limits))
    assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    sections = [section for chunk in chunks for section in chunk.sections]
    assert chunks[-1].document.sections == len(sections)
    return chunks[-1].document, sections


@pytest.mark.parametrize("name", ["handbook.md", "page.html", "notes.txt"])
def test_realistic_documents_are_split_as_in_the_golden_files(name):
    _, sections = parsed(GOLDEN / name, Limits(max_tokens=60, max_file_size=1 << 20))
    expected = json.loads((GOLDEN / f"{name}.json").read_text())
    assert [{**section._asdict(), "heading": list(section.heading)} for section in sections] == expected


def test_a_document_has_its_format_size_and_number_of_sections(tmp_path):
    (tmp_path / "a.md").write_text("# A\nx\n# B\ny\n")
    document, sections = parsed(tmp_path / "a.md")
    assert document == Document("a.md", "markdown", 12, 2, "ok", "")
    assert [section.text for section in sections] == ["x", "y"]


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"# A\n## B\n", b"\xef\xbb\xbf"])
def test_a_document_without_text_is_empty_with_a_remedy(tmp_path, data):
    (tmp_path / "a.md").write_bytes(data)
    document, sections = parsed(tmp_path / "a.md")
    assert (document.status, document.format, document.bytes, sections) == ("empty", "markdown", len(data), [])
    assert "no text" in document.error
    assert "exclude it" in document.error


def test_an_unreadable_document_has_a_reason(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 40)
    document, _ = parsed(tmp_path / "a.txt")
    assert (document.status, document.bytes) == ("unreadable", 256 * 40)
    assert "binary" in document.error
    assert "disappeared" in parsed(tmp_path / "gone.md")[0].error
    (chunk,) = parse(Source("x", "x.md", "it is a device"), LIMITS)
    assert (chunk.done, chunk.document) == (True, Document("x.md", "markdown", 0, 0, "unreadable", "it is a device"))


def test_many_sections_come_in_chunks(tmp_path):
    count = 2 * MAX_SECTIONS + 1
    (tmp_path / "a.md").write_text("".join(f"# {n}\ntext {n}\n" for n in range(count)))
    chunks = list(parse(Source(str(tmp_path / "a.md"), "a.md"), LIMITS))
    assert [len(chunk.sections) for chunk in chunks] == [MAX_SECTIONS, MAX_SECTIONS, 1]
    assert [chunk.document.sections for chunk in chunks] == [MAX_SECTIONS, 2 * MAX_SECTIONS, count]


def test_long_sections_come_in_chunks_of_some_megabytes(tmp_path):
    (tmp_path / "a.md").write_text("# A\n" + "word " * 500_000)
    chunks = list(parse(Source(str(tmp_path / "a.md"), "a.md"), Limits(100_000, 10 << 20)))
    assert len(chunks) > 1
    assert all(sum(len(s.text) for s in chunk.sections) < 1_500_000 for chunk in chunks)


class BreakingReader:
    """Yields one part, then fails."""

    name = "breaking"

    def __init__(self, error):
        self.error = error

    def read(self, data):
        yield Part("good")
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnreadableError("page 2 is encrypted; decrypt it"), "page 2 is encrypted; decrypt it"),
        (MemoryError(), "needs more memory than allowed"),
        (ZeroDivisionError("oops"), "cannot be parsed (ZeroDivisionError); exclude it"),
        (RecursionError("too deep"), "cannot be parsed (RecursionError)"),
    ],
)
def test_sections_read_before_an_error_are_kept(tmp_path, monkeypatch, error, reason):
    (tmp_path / "a.md").touch()
    monkeypatch.setattr(parsing, "reader_for", lambda _: BreakingReader(error))
    document, sections = parsed(tmp_path / "a.md")
    assert [section.text for section in sections] == ["good"]
    assert document.status == "unreadable"
    assert reason in document.error
