"""`--sample`: a few sections of many documents."""

from collections import Counter


def documents(place) -> dict[str, tuple[str, int]]:
    return {entry["path"]: (entry["status"], entry["sections"]) for entry in place.documents()}


def sampled(place, *options: str, code: int = 0, **kwargs) -> Counter[str]:
    """The number of rows by document."""
    run = place.run("--sample", *options, **kwargs)
    assert run.returncode == code, run.stderr
    return Counter(row["document"] for row in place.results())


def test_sections_come_from_many_documents_spread_over_the_listing(place, bedrock):
    for number in range(40):
        place.sections(5, f"{number:02}.md", start=10 * number)
    rows = sampled(place, "4")
    assert rows == {f"docs/{number:02}.md": 1 for number in (0, 13, 26, 34)}
    assert documents(place)["docs/13.md"] == ("sampled", 1)
    (entry, *_) = place.documents()
    assert (entry["bytes"], entry["format"]) == ((place.docs / "00.md").stat().st_size, "markdown")
    summary = place.summary()
    assert (summary["documents_listed"], summary["documents_read"], summary["sections"]) == (40, 4, 4)
    assert sampled(place, "4") == rows
    assert len(bedrock.ledger()) == 4
    assert rows.keys() < sampled(place, "7").keys()
    assert len(bedrock.ledger()) == 7
    assert place.run().returncode == 0
    assert len(bedrock.ledger()) == 200
    assert {entry["status"] for entry in place.documents()} == {"ok"}


def test_what_empty_and_short_documents_lack_comes_from_others(place, bedrock):
    place.write("a.md", "")
    place.write("b.png", b"\x89PNG")
    place.sections(1, "c.md")
    place.sections(2, "d.md", start=10)
    place.sections(30, "e.md", start=20)
    assert sampled(place, "12") == {"docs/c.md": 1, "docs/d.md": 2, "docs/e.md": 9}
    assert documents(place) == {
        "docs/a.md": ("empty", 0), "docs/c.md": ("ok", 1), "docs/d.md": ("ok", 2), "docs/e.md": ("sampled", 9),
    }  # fmt: skip
    assert place.summary()["documents_read"] == 4
    assert len(bedrock.ledger()) == 12
    assert sampled(place, "100", paths=("docs/c.md", "docs/d.md")) == {"docs/c.md": 1, "docs/d.md": 2, "docs/e.md": 9}


def test_a_document_whose_sections_are_all_taken_is_not_sampled(place):
    place.sections(3)
    sampled(place, "3")
    assert documents(place) == {"docs/a.md": ("ok", 3)}


def test_a_huge_document_is_not_read_whole(place, bedrock):
    place.sections(60_000, "huge.md")
    place.sections(1, "small.md", start=100_000)
    assert sampled(place, "3") == {"docs/huge.md": 2, "docs/small.md": 1}
    assert len(bedrock.ledger()) == 3


def test_a_sample_after_a_whole_run_removes_no_row_and_changes_no_document(place, bedrock):
    for number in range(4):
        place.sections(5, f"{number}.md", start=10 * number)
    place.run()
    before = place.results(), place.documents()
    sampled(place, "2")
    assert (place.results(), place.documents()) == before
    assert len(bedrock.ledger()) == 20


def test_documents_that_go_first_are_preferred(place):
    for number in range(10):
        place.sections(2, f"{number}.md", start=10 * number)
    assert sampled(place, "3", "--first", "[79].md") == {"docs/0.md": 1, "docs/7.md": 1, "docs/9.md": 1}
    assert sampled(place, "1", "--first", "4.md", "--prompt", "Other.") == {"docs/4.md": 1}


def test_a_smaller_sample_after_a_larger_one_changes_nothing(place):
    for number in range(3):
        place.sections(5, f"{number}.md", start=10 * number)
    sampled(place, "9")
    before = place.results(), place.documents()
    sampled(place, "2")
    assert (place.results(), place.documents()) == before
    assert [entry["sections"] for entry in place.documents()] == [3, 3, 3]


def test_hidden_files_are_counted_once_however_often_the_folder_is_walked(place):
    place.write(".hidden.md", "# A\n\nText.\n")
    place.sections(1)
    place.write("empty.md", "")
    assert "hidden files and folders skipped: 1\n" in place.run("--sample", "2").stderr


def test_an_argument_that_is_missing_is_named(place):
    place.sections(2)
    assert sampled(place, "1", code=3, paths=("docs", "missing.md")) == {"docs/a.md": 1}
    assert documents(place)["missing.md"][0] == "unreadable"


def test_without_a_readable_document_the_reasons_are_given(place):
    place.write("a.png", b"\x89PNG")
    assert sampled(place, "3", code=3) == {}
    assert documents(place)["docs/a.png"][0] == "unreadable"
