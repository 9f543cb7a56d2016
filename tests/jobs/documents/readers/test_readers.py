"""The readers of the formats."""

import pytest

from jobs.documents.document import Part
from jobs.documents.readers import READERS, reader_for
from jobs.documents.splitting import split


def sections(name: str, data: bytes) -> list[tuple[tuple[str, ...], str]]:
    reader = reader_for(name)
    assert reader is not None
    return [(section.heading, section.text) for section in split(name, reader.read(data), 2000)]


def html(page: str) -> list[tuple[tuple[str, ...], str]]:
    return sections("page.html", page.encode())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.md", "markdown"),
        ("A.MARKDOWN", "markdown"),
        ("x/b.txt", "text"),
        ("b.text", "text"),
        ("c.Html", "html"),
        ("c.htm", "html"),
        ("c.xhtml", "html"),
        ("folder.md/file", None),
        ("d.pdf", None),
        (".md", None),
        ("", None),
    ],
)
def test_the_extension_decides_in_any_case(path, name):
    reader = reader_for(path)
    assert (reader and reader.name) == name


def test_no_two_readers_share_an_extension():
    suffixes = [suffix for reader in READERS for suffix in reader.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)


def test_a_text_file_has_no_headings():
    assert sections("a.txt", b"# no\n\nNor\n===\nthis\n") == [((), "# no\n\nNor\n===\nthis")]


def test_markdown_is_unchanged():
    reader = reader_for("a.md")
    assert reader is not None
    assert list(reader.read("# é\r\n\0x".encode())) == [Part("# é\r\n\0x")]


def test_html_is_split_at_headings_but_not_at_the_title():
    page = """<!doctype html><html><head><title>Title</title><meta name="description" content="meta">
    <style>p {color: red}</style><script>let hidden = "# no"</script></head><body>
    <p>Before</p><h1>One <em>more</em></h1><p>First</p><h3>Deep &amp; <code>code</code></h3><p>Second</p></body>"""
    assert html(page) == [
        ((), "Before"),
        (("One more",), "First"),
        (("One more", "Deep & code"), "Second"),
    ]


def test_markdown_syntax_in_html_is_text():
    page = "<h1>A</h1><p># no\n# nor this\n===</p><p>&lt;script&gt; is a tag</p><p>x\n```\ny</p><pre># code\n```</pre>"
    page += "<h2>B</h2>b"
    first, second = html(page)
    assert first[0] == ("A",)
    assert "nor this" in first[1]
    assert "# code" in first[1]
    assert second == (("A", "B"), "b")


def test_tables_lists_and_code_become_markdown():
    page = "<table><tr><th>a<th>b<tr><td>1<td>2</table><ul><li>x<li>y</ul><pre><code>if a:\n    b</code></pre>"
    ((_, text),) = html(page)
    assert "| 1 | 2 |" in text
    assert "- x\n- y" in text
    assert "```\nif a:\n    b\n```" in text


def test_lines_are_not_wrapped_and_images_leave_their_alt_text():
    ((_, text),) = html(f"<p>{'word ' * 200}</p><img alt='a chart' src='data:image/png;base64,{'A' * 5000}'>")
    assert text.split("\n\n") == [("word " * 200).strip(), "a chart"]


def test_text_in_forms_and_collapsed_elements_is_kept():
    page = (
        "<form><h1>A</h1><p>in a form</p><div hidden>other tab</div><details><summary>s</summary>more</details></form>"
    )
    ((heading, text),) = html(page)
    assert heading == ("A",)
    assert all(part in text for part in ("in a form", "other tab", "more"))


@pytest.mark.parametrize("tag", ["div", "span", "b", "blockquote", "ul><li", "table><tr><td", "x-element"])
def test_text_nested_ten_thousand_levels_deep_is_kept(tag):
    page = f"<title>T</title><{tag} class='x'>" + f"<{tag}>" * 10_000 + "deep<h1>A</h1>after"
    assert html(page) == [((), "deep"), (("A",), "after")]
