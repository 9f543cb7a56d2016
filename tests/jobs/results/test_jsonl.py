"""The lines of results.jsonl and documents.jsonl."""

import json
from dataclasses import replace

import pytest
from answers import answer

from jobs.documents.document import Document
from jobs.documents.splitting import Section
from jobs.record.analysis import Analysis
from jobs.record.protocol import Status
from jobs.record.queries import Row
from jobs.requests.fallback import MARK, local_answer
from jobs.requests.request import RequestTemplate
from jobs.results.jsonl import json_line, section_result, write_documents, write_results

TEMPLATE = RequestTemplate("amazon.nova-lite-v1:0", "on-demand", "aws", "Summarize.")

ANSWER = answer("Thirty days.")
ROW = Row(
    document="docs/handbook.md",
    document_error="",
    section_id="00ff" * 4,
    heading=("Handbook", "Leave"),
    unit=1,
    key=b"\x01" * 32,
    status=Status.OK,
    is_duplicate=False,
    position=3,
    location="",
    attempts=2,
    code="",
    message="",
    run_id="0123456789ab",
    source="bedrock",
    raw=ANSWER.raw,
    sha256=ANSWER.sha256,
    cost_usd=0.25,
    latency=1.23456,
    answered_at=1_764_547_200.4,
)
ANALYSIS = Analysis(1, "summarize", {"model": "amazon.nova-lite-v1:0", "prompt": "Summarize."})


def line_of(row: Row = ROW, **changes) -> dict:
    return section_result(row._replace(**changes), ANALYSIS)


def test_a_line_has_the_documented_keys():
    assert line_of() == {
        "document": "docs/handbook.md",
        "section": 3,
        "heading": ("Handbook", "Leave"),
        "section_id": "00ff00ff00ff00ff",
        "analysis": "summarize",
        "key": "01" * 32,
        "status": "ok",
        "text": "Thirty days.",
        "model": "amazon.nova-lite-v1:0",
        "source": "bedrock",
        "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 0, "cache_write_tokens": 0},
        "cost_usd": 0.25,
        "attempts": 2,
        "latency_s": 1.235,
        "stop_reason": "end_turn",
        "run_id": "0123456789ab",
        "answered_at": "2025-12-01T00:00:00+00:00",
        "error": None,
    }


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"is_duplicate": True}, "duplicate"),
        ({"source": "duplicate", "cost_usd": 0.0}, "duplicate"),
        ({"source": "cache", "cost_usd": 0.0}, "cache"),
        ({"source": "cache", "cost_usd": 0.0, "is_duplicate": True}, "duplicate"),
    ],
)
def test_an_answer_that_this_section_did_not_pay_for_has_no_cost_and_no_usage(changes, source):
    line = line_of(**changes)
    assert (line["source"], line["cost_usd"], line["text"]) == (source, 0.0, "Thirty days.")
    assert {*line["usage"].values()} == {0}


def test_a_section_without_an_outcome_is_pending():
    answer = dict.fromkeys(("run_id", "source", "raw", "sha256", "cost_usd", "latency", "answered_at"))
    line = line_of(status=Status.NEW, attempts=0, **answer)
    assert (line["status"], line["text"], line["usage"], line["error"]) == ("pending", None, None, None)
    assert (line["run_id"], line["answered_at"], line["stop_reason"]) == (None, None, None)


def test_a_failed_section_has_a_code_and_a_message_but_no_answer():
    failed = ROW._replace(
        status=Status.FAILED, source=None, raw=None, sha256=None, cost_usd=None, latency=None, code="X", message="why"
    )
    line = line_of(failed)
    assert (line["status"], line["text"], line["source"], line["usage"], line["latency_s"]) == ("failed", *[None] * 4)
    assert line["error"] == {"code": "X", "message": "why"}


def test_an_incomplete_answer_has_its_stop_reason_as_error():
    truncated = answer("Half an", stop="max_tokens")
    line = line_of(status=Status.INCOMPLETE, raw=truncated.raw, sha256=truncated.sha256)
    assert (line["text"], line["error"]["code"]) == ("Half an", "max_tokens")


@pytest.mark.parametrize("is_duplicate", [False, True])
def test_a_local_answer_is_marked_costs_nothing_and_has_the_reason_as_error(is_duplicate):
    local = local_answer(TEMPLATE.build("a.md", Section(0, ("Leave",), "Thirty days.", "", "00" * 8)), "Leave")
    error = {"code": "Outage", "message": "the service is unavailable"}
    line = line_of(
        status=Status.FALLBACK, source="fallback", raw=local.raw, sha256=local.sha256, cost_usd=0.0, latency=0.0,
        is_duplicate=is_duplicate, **error,
    )  # fmt: skip
    assert (line["status"], line["source"], line["text"]) == ("fallback", "fallback", f"{MARK}Thirty days.")
    assert (line["cost_usd"], line["error"], set(line["usage"].values())) == (0.0, error, {0})


@pytest.mark.parametrize("raw", [ANSWER.raw.replace(b"Thirty", b"Ninety"), b"{", b""])
def test_a_damaged_answer_is_a_failure(raw):
    line = line_of(raw=raw)
    assert (line["status"], line["text"], line["error"]["code"]) == ("failed", None, "DamagedAnswer")


def test_a_line_has_the_location_if_there_is_one():
    assert line_of(location="page 3")["location"] == "page 3"


def test_any_text_becomes_one_line_of_utf_8(tmp_path):
    hostile = "\u2028\x85\n\x1b]52;c;\x07 Grüße \ud800"
    text = json_line({"text": hostile})
    assert text.count("\n") == 1
    assert json.loads(text.encode())["text"] == hostile
    assert "Grüße" in json_line({"text": "Grüße"})


def test_a_document_has_its_status_and_error(tmp_path):
    read = Document("a.md", "markdown", 10, 2)
    broken = replace(read, path="b.bin", format="", status="unreadable", error="not text")
    write_documents(tmp_path / "d.jsonl", [read, broken])
    lines = [json.loads(text) for text in (tmp_path / "d.jsonl").read_text().splitlines()]
    assert lines[0] == {"path": "a.md", "format": "markdown", "bytes": 10, "sections": 2, "status": "ok", "error": None}
    assert (lines[1]["format"], lines[1]["status"], lines[1]["error"]) == (None, "unreadable", "not text")


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "r.jsonl"
    write_results(path, [ROW], ANALYSIS)
    before = path.read_bytes()

    def failing_rows():
        yield ROW
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_results(path, failing_rows(), ANALYSIS)
    assert path.read_bytes() == before


def test_a_row_is_one_line_for_readers_that_know_all_line_separators_of_unicode():
    text = "a\x85b\u2028c\u2029d\x0b\x0c\x1c\x1d\x1ee"
    line = json_line({"text": text})
    assert line.splitlines() == [line.rstrip("\n")]
    assert json.loads(line) == {"text": text}
