"""The settings of `simulate`: what options set, and their errors."""

import json
from pathlib import Path

import pytest

QUICK = ("simulate", "--rate", "120", "--requests", "60")
CONFIGURED = ("--algorithm", "bedrock-batch")


def as_json(shell, *arguments: str) -> dict:
    code, out, err = shell(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_scenario_in_the_json_includes_defaults(shell):
    scenario = as_json(shell, *QUICK, *CONFIGURED)["scenario"]
    assert scenario["rate"] == 120.0
    assert (scenario["requests"], scenario["duration"], scenario["arrivals"], scenario["server"]) == (
        60, None, "batch", "bucket",
    )  # fmt: skip
    assert scenario["users"] == [{"name": "user 1", "weight": 1.0, "share": 1.0, "input": [500, 3500], "output": 350.0}]


def test_duration_replaces_requests(shell):
    output = as_json(shell, "simulate", "--rate", "120", "--duration", "90s", *CONFIGURED)
    assert (output["scenario"]["requests"], output["scenario"]["duration"]) == (None, 90.0)
    assert output["results"][0]["served"] == pytest.approx(180, abs=3)
    assert output["results"][0]["lost"] == 0


def test_events_are_in_the_scenario_of_the_json(shell):
    events = "--outage 10-40 --quota-change 1m:60 --tenant 5s-15s:30 --outage 2m-3m".split()
    scenario = as_json(shell, *QUICK, *CONFIGURED, *events)["scenario"]
    assert scenario["outages"] == [[10.0, 40.0], [120.0, 180.0]]
    assert scenario["quota_changes"] == [[60.0, 60.0]]
    assert scenario["tenants"] == [[5.0, 15.0, 30.0]]


def test_overlapping_outages_are_merged_and_the_last_quota_change_at_a_time_counts(shell):
    overlapping = "--outage 10-20 --outage 15-30 --quota-change 5:900 --quota-change 5:60".split()
    merged = "--outage 10-30 --quota-change 5:60".split()
    results = [as_json(shell, *QUICK, *CONFIGURED, *events)["results"] for events in (overlapping, merged)]
    assert results[0] == results[1]


def test_options_come_from_the_settings_file_and_the_environment(shell, monkeypatch):
    Path("bedrock-batch.toml").write_text('[simulate]\nrate = 60\nrequests = 10\nalgorithm = ["none"]\n')
    monkeypatch.setenv("BEDROCK_BATCH_SIMULATE_REQUESTS", "20")
    output = as_json(shell, "simulate", "--rate", "90")
    assert (output["scenario"]["rate"], output["scenario"]["requests"]) == (90.0, 20)
    assert [result["algorithm"] for result in output["results"]] == ["none"]


def test_docs_give_the_number_and_sizes_of_requests(shell):
    for number in range(3):
        Path(f"{number}.md").write_text(f"# One\n\nA first text {number}.\n\n# Two\n\nThe same text everywhere.\n")
    assert "  bedrock-batch analyze . --rpm 60 " in shell("simulate", "--rate", "60", "--docs", ".", *CONFIGURED).out
    output = as_json(shell, "simulate", "--rate", "60", "--docs", ".", *CONFIGURED)
    assert output["scenario"]["requests"] == 4  # one section is the same in all documents
    assert output["scenario"]["docs"] == ["."]
    assert "input" not in output["scenario"]["users"][0]
    assert output["results"][0]["served"] == 4


def test_unreadable_documents_are_reported(shell):
    Path("a.md").write_text("# One\n\nText.\n")
    Path("b.png").write_bytes(b"x")
    docs = "--docs a.md --docs missing --docs b.png".split()
    code, _, err = shell("simulate", "--rate", "60", *CONFIGURED, *docs)
    assert code == 0
    notes = err.splitlines()
    assert notes[0].startswith("note: skipped missing: no such file or directory")
    assert notes[1].startswith("note: skipped b.png: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("simulate",), "--rate is missing\nhint: give --rate N, or --scenario NAME"),
        (("simulate", "--rate", "0"), "--rate: must be a number above 0, not '0'"),
        (("simulate", "--rate", "-5"), "--rate: must be a number above 0, not '-5'"),
        (("simulate", "--rate", "nan"), "--rate: must be a number above 0"),
        (
            (*QUICK, "--algorithm", "tokenbucket"),
            "unknown algorithm 'tokenbucket'; choose from none, fixed-window",
        ),
        ((*QUICK, "--duration", "1m"), "--requests and --duration exclude each other"),
        (
            (*QUICK, "--tpm", "4800"),
            "the largest request never fits: 3,500 input tokens (estimated up to 10% higher) plus --max-tokens 1,024 ",
        ),
        ((*QUICK, "--tpm", "6000", "--quota-change", "9:60"), "exceed a quota of 3,000 tokens per minute"),
        (("simulate", "--rate", "0.5"), "no request ever fits into a quota of 0.5 requests per minute"),
        ((*QUICK, "--quota-change", "9:0.5"), "no request ever fits into a quota of 0.5 requests per minute"),
        ((*QUICK, "--burst", "2m"), "--burst: must be at most 60s"),
        ((*QUICK, "--users", "100000000"), "--users: must be at most 1,000"),
        ((*QUICK, "--load", "1e-300"), "--load: must be from 0.01 to 100"),
        ((*QUICK, "--tenant", "0-10m:1e6"), "--tenant: more than 100 times the quota of 120 requests/minute"),
        ((*QUICK, "--max-tokens", "99999999999"), "--max-tokens: must be at most 10,000,000 tokens"),
        (
            ("simulate", "--rate", "1e308", "--duration", "1"),
            "--rate: must be at most 10,000,000 per minute, not '1e308'",
        ),
        ((*QUICK, "--tpm", "1e300"), "--tpm: must be at most 1,000,000,000,000 per minute"),
        ((*QUICK, "--tenant", "0-1:1e308"), "--tenant: must be at most 10,000,000 per minute"),
        ((*QUICK, "--quota-change", "1:1e308"), "--quota-change: must be at most 10,000,000 per minute"),
        ((*QUICK, "--outage", "0-31d"), "--outage: must be at most 30d, not '31d'"),
        ((*QUICK, "--latency", "31d"), "--latency: must be at most 30d, not '31d'"),
        (("simulate", "--rate", "9", "--requests", "100000001"), "--requests: must be at most 100,000,000"),
        (
            ("simulate", "--rate", "9", "--duration", "9" * 18),
            "--duration: must be at most 30d, not '999999999999999999'",
        ),
        (
            ("simulate", "--rate", "1e7", "--duration", "30d"),
            "--duration: at 10,000,000 requests per minute this needs 864,020,000,000 requests, more than 100,000,000",
        ),
        ((*QUICK, "--outage", "60"), "--outage: must be FROM-TO, as in 60-120 or 1m-2m, not '60'"),
        ((*QUICK, "--outage", "60-60"), "--outage: must end after it starts, not '60-60'"),
        ((*QUICK, "--quota-change", "60"), "--quota-change: must be T:RATE, as in 5m:50, not '60'"),
        ((*QUICK, "--quota-change", "60:0"), "--quota-change: must be a number above 0"),
        ((*QUICK, "--tenant", "1-2"), "--tenant: must be FROM-TO:RPM, as in 5m-10m:300, not '1-2'"),
        ((*QUICK, "--docs", "missing"), "--docs: no such file or folder: missing"),
        ((*QUICK, "--docs", "."), "--docs: no sections in ."),
    ],
)
def test_an_invalid_option_is_an_error_in_one_line(shell, arguments, message):
    assert message in shell.refused(*arguments)
