"""Every format holds every row, and none of them is dangerous."""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pyarrow import parquet

from jobs.results.export.columns import COLUMNS
from jobs.results.export.csv_table import write_csv
from jobs.results.export.formats import write_export

ROW = {
    "document": "docs/a.html", "section": 0, "heading": ["Handbook", "Leave"], "section_id": "00ff", "analysis": "q",
    "key": "01", "status": "ok", "text": "Thirty days.\n\nNot more.", "model": "m", "source": "bedrock",
    "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 0, "cache_write_tokens": 0},
    "cost_usd": 0.25, "attempts": 1, "latency_s": 1.2, "stop_reason": "end_turn", "run_id": "r", "answered_at": "t",
    "error": None,
}  # fmt: skip
FAILED = ROW | {
    "section": 1, "status": "failed", "text": None, "usage": None, "cost_usd": None,
    "error": {"code": "X", "message": "why \ud800"},
}  # fmt: skip
PENDING = ROW | {"document": "../b.md", "status": "pending", "text": None, "usage": None, "cost_usd": None}
ROWS = [ROW, FAILED, PENDING]


def csv_rows(rows: list[dict]) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    write_csv(rows, file)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def read(format_: str, path: Path) -> list[dict]:
    match format_:
        case "parquet":
            return parquet.read_table(path).to_pylist()
        case "sqlite":
            with closing(sqlite3.connect(path)) as db:
                db.row_factory = sqlite3.Row
                return [dict(row) for row in db.execute("SELECT * FROM results")]
        case "csv":
            return [
                {name: value or None for name, value in row.items()}
                for row in csv.DictReader(io.StringIO(path.read_text(), newline=""))
            ]
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("format_", ["csv", "parquet", "sqlite"])
def test_a_table_has_a_row_for_each_and_flat_columns(format_, tmp_path):
    write_export(ROWS, format_, tmp_path / "x")
    ok, failed, pending = read(format_, tmp_path / "x")
    assert list(ok) == list(COLUMNS)
    assert (ok["heading"], ok["text"], ok["error_code"]) == ("Handbook > Leave", ROW["text"], None)
    assert [float(ok[name]) for name in ("input_tokens", "output_tokens", "cost_usd")] == [10, 5, 0.25]
    assert (failed["error_code"], failed["error_message"], failed["text"]) == ("X", "why \\ud800", None)
    assert (pending["status"], pending["cost_usd"]) == ("pending", None)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1+1", '=HYPERLINK("http://x")'])
def test_no_cell_of_a_csv_is_a_formula(text):
    (row,) = csv_rows([ROW | {"text": text, "document": text, "heading": [text]}])
    assert {row["text"], row["document"], row["heading"]} == {f"'{text}"}


def test_a_number_of_a_csv_stays_a_number():
    (row,) = csv_rows([ROW | {"cost_usd": -0.5}])
    assert row["cost_usd"] == "-0.5"


def markdown(rows: list[dict], folder: Path) -> dict[str, str]:
    write_export(rows, "markdown", folder)
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_markdown_mirrors_the_input_folders(tmp_path):
    files = markdown(ROWS, tmp_path / "x")
    assert {*files} == {"docs/a.html.md", "_/b.md"}
    assert files["docs/a.html.md"] == (
        "# docs/a.html\n\n## Handbook > Leave\n\nThirty days.\n\nNot more.\n"
        "\n## Handbook > Leave\n\n**failed**: why \\ud800\n"
    )


def test_markdown_quotes_the_section_text(tmp_path):
    (text,) = markdown([ROW | {"section_text": "# Not a heading\nEmployees get 30."}], tmp_path / "x").values()
    assert "\n> # Not a heading\n> Employees get 30.\n\nThirty days." in text


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../../x.md", "a/../../../b.md", "x" * 300 + ".md", "ä" * 200, ".", "/", "a\nb.md", "\ud800"],
)
def test_no_document_name_leads_out_of_the_folder(name, tmp_path):
    folder = tmp_path / "deep" / "x"
    folder.parent.mkdir()
    assert len(markdown([ROW | {"document": name}], folder)) == 1
    assert [path.name for path in folder.parent.iterdir()] == ["x"]


def test_two_documents_never_share_a_file(tmp_path):
    rows = [ROW | {"document": name} for name in ("a.html", "a.html.md", "../c.md", "_/c.md")]
    assert len(markdown(rows, tmp_path / "x")) == 4


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet", "sqlite", "markdown"])
class TestFiles:
    def test_an_existing_file_is_refused_and_stays(self, format_, tmp_path):
        (tmp_path / "x").write_text("mine")
        with pytest.raises(FileExistsError):
            write_export(ROWS, format_, tmp_path / "x")
        assert (tmp_path / "x").read_text() == "mine"

    def test_an_error_in_the_middle_leaves_no_file_of_that_name(self, format_, tmp_path):
        def failing() -> Iterator[dict]:
            yield ROW
            raise OSError(28, "No space left on device")

        with pytest.raises(OSError, match="No space"):
            write_export(failing(), format_, tmp_path / "x")
        assert not (tmp_path / "x").exists()
        write_export(ROWS, format_, tmp_path / "x")
        assert [path.name for path in tmp_path.iterdir()] == ["x"]

    def test_no_rows_are_an_empty_table(self, format_, tmp_path):
        write_export([], format_, tmp_path / "x")
        assert (tmp_path / "x").exists()
