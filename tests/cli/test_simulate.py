"""`simulate` from the command line: what it shows, what it takes, what it refuses."""

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from running import COMMAND, PATIENCE

from cli import scenario_file
from jobs.simulation.comparison import ALGORITHMS

QUICK = ("simulate", "--rate", "120", "--requests", "60")
TOLD = ("--algorithm", "bedrock-batch")


def as_json(shell, *arguments: str) -> dict:
    code, out, err = shell(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_all_algorithms_are_compared_in_their_order(shell):
    made = as_json(shell, *QUICK)
    assert [result["algorithm"] for result in made["results"]] == list(ALGORITHMS)


def test_json_has_the_figures_of_the_contract_rounded_to_four_places(shell):
    (result,) = as_json(shell, *QUICK, *TOLD)["results"]
    assert list(result) == [
        "algorithm", "served", "calls", "throttled", "throttle_rate", "utilisation", "makespan_s", "ideal_s",
        "wait_p50_s", "wait_p95_s", "worst_minute", "fairness", "lost",
    ]  # fmt: skip
    assert all(value == round(value, 4) for value in list(result.values())[1:])
    assert result["served"] == 60


def test_the_scenario_in_the_json_says_all_that_was_left_to_defaults(shell):
    scenario = as_json(shell, *QUICK, *TOLD)["scenario"]
    assert scenario["rate"] == 120.0
    assert (scenario["requests"], scenario["duration"], scenario["arrivals"], scenario["server"]) == (
        60, None, "batch", "bucket",
    )  # fmt: skip
    assert scenario["users"] == [{"name": "user 1", "weight": 1.0, "share": 1.0, "input": [500, 3500], "output": 350.0}]


def test_the_same_seed_gives_the_same_bytes(shell):
    arguments = (*QUICK, "--arrivals", "bursty", "--users", "3", "--tpm", "300000", "--json", "--seed")
    assert shell(*arguments, "5").out == shell(*arguments, "5").out
    assert shell(*arguments, "5").out != shell(*arguments, "6").out


def test_the_table_marks_the_best_and_says_why_others_are_bad(shell):
    code, out, err = shell(*QUICK)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        "60 requests against 120 requests a minute, kept as a bucket of 1 s; who knows all about the server needs 28s."
    )
    told = next(line for line in lines if line.startswith("bedrock-batch "))
    assert "0*" in told
    assert any(line.startswith("none: loses ") for line in lines)
    assert "  bedrock-batch analyze PATH --rpm 120 --max-tokens 1024 --concurrency " in out


def test_an_algorithm_can_be_chosen_once_or_several_times(shell):
    chosen = (*QUICK, "--algorithm", "kong", "--algorithm", "none", "--algorithm", "kong")
    assert [result["algorithm"] for result in as_json(shell, *chosen)["results"]] == ["kong", "none"]


def test_a_duration_takes_the_place_of_a_number(shell):
    made = as_json(shell, "simulate", "--rate", "120", "--duration", "90s", *TOLD)
    assert (made["scenario"]["requests"], made["scenario"]["duration"]) == (None, 90.0)
    assert made["results"][0]["served"] == pytest.approx(180, abs=3)
    assert made["results"][0]["lost"] == 0


def test_events_are_as_they_were_told(shell):
    made = as_json(
        shell,
        *QUICK,
        *TOLD,
        "--outage",
        "10-40",
        "--quota-change",
        "1m:60",
        "--tenant",
        "5s-15s:30",
        "--outage",
        "2m-3m",
    )["scenario"]  # fmt: skip
    assert made["outages"] == [[10.0, 40.0], [120.0, 180.0]]
    assert made["quota_changes"] == [[60.0, 60.0]]
    assert made["tenants"] == [[5.0, 15.0, 30.0]]


def test_a_timed_run_ends_in_time_however_many_requests_are_lost(shell):
    (result,) = as_json(shell, "simulate", "--rate", "60", "--duration", "10m", "--algorithm", "none")["results"]
    assert result["calls"] < 20_000


OUT = ("--outage", "10-20", "--outage", "15-30")


def test_overlapping_outages_are_one_and_of_two_changes_at_a_time_the_last_counts(shell):
    told = (
        *QUICK,
        *TOLD,
        "--outage",
        "10-20",
        "--outage",
        "15-30",
        "--quota-change",
        "5:900",
        "--quota-change",
        "5:60",
    )
    again = (*QUICK, *TOLD, "--outage", "10-30", "--quota-change", "5:60")
    assert as_json(shell, *told)["results"] == as_json(shell, *again)["results"]


def test_a_scenario_may_stand_in_the_settings_file(shell):
    Path("bedrock-batch.toml").write_text('[simulate]\nscenario = "quota-cut"\nrequests = 30\n')
    made = as_json(shell, "simulate", *TOLD)
    assert (made["scenario"]["rate"], made["scenario"]["requests"]) == (600.0, 3000)


def test_what_of_the_documents_is_not_read_is_told(shell):
    Path("a.md").write_text("# One\n\nText.\n")
    Path("b.png").write_bytes(b"x")
    code, _, err = shell("simulate", "--rate", "60", *TOLD, "--docs", "a.md", "--docs", "missing", "--docs", "b.png")
    assert code == 0
    notes = err.splitlines()
    assert notes[0].startswith("note: not measured: missing: no such file or directory")
    assert notes[1].startswith("note: not measured: b.png: there is no reader for .png files")


def test_docs_give_number_and_sizes_and_nothing_is_called(shell):
    for number in range(3):
        Path(f"{number}.md").write_text(f"# One\n\nA first text {number}.\n\n# Two\n\nThe same text everywhere.\n")
    assert "  bedrock-batch analyze . --rpm 60 " in shell("simulate", "--rate", "60", "--docs", ".", *TOLD).out
    made = as_json(shell, "simulate", "--rate", "60", "--docs", ".", *TOLD)
    assert made["scenario"]["requests"] == 4  # the section that they share is one request
    assert made["scenario"]["docs"] == ["."]
    assert "input" not in made["scenario"]["users"][0]
    assert made["results"][0]["served"] == 4


def test_options_come_from_the_settings_file_and_the_environment(shell, monkeypatch):
    Path("bedrock-batch.toml").write_text('[simulate]\nrate = 60\nrequests = 10\nalgorithm = ["none"]\n')
    monkeypatch.setenv("BEDROCK_BATCH_SIMULATE_REQUESTS", "20")
    made = as_json(shell, "simulate", "--rate", "90")
    assert (made["scenario"]["rate"], made["scenario"]["requests"]) == (90.0, 20)
    assert [result["algorithm"] for result in made["results"]] == ["none"]


# Scenarios.


def test_the_ready_scenarios_are_listed_with_their_questions(shell):
    code, out, _ = shell("simulate", "--list-scenarios")
    assert code == 0
    names = [line for line in out.splitlines() if not line.startswith(" ")]
    assert names == ["boundary-burst", "nightly-batch", "quota-cut", "three-teams"]
    assert out.count("?\n") == 4


@pytest.mark.parametrize("name", scenario_file.ready())
def test_a_ready_scenario_runs_and_our_engine_loses_nothing(shell, name):
    (result,) = as_json(shell, "simulate", "--scenario", name, *TOLD)["results"]
    assert result["lost"] == 0


def test_a_scenario_file_gives_options_and_users_and_the_command_line_goes_first(shell):
    Path("mine.toml").write_text(
        'title = "Mine?"\nrate = 60\nrequests = 30\noutage = ["10-20"]\nalgorithm = ["bedrock-batch"]\n'
        '[[user]]\nname = "a"\nweight = 2\n[[user]]\nshare = 3\ninput = [10, 20]\noutput = 5\n'
    )
    Path("bedrock-batch.toml").write_text("[simulate]\nrate = 30\nmax-tokens = 99\n")
    made = as_json(shell, "simulate", "--scenario", "mine.toml", "--requests", "12")
    assert (made["scenario"]["rate"], made["scenario"]["requests"], made["scenario"]["max_tokens"]) == (60.0, 12, 99)
    assert made["scenario"]["outages"] == [[10.0, 20.0]]
    assert made["scenario"]["users"] == [
        {"name": "a", "weight": 2.0, "share": 1.0, "input": [500, 3500], "output": 350.0},
        {"name": "user 2", "weight": 1.0, "share": 3.0, "input": [10, 20], "output": 5.0},
    ]
    assert len(as_json(shell, "simulate", "--scenario", "mine.toml", "--users", "3")["scenario"]["users"]) == 3


# What is wrong.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("simulate",), "no quota to simulate\nhint: give --rate N, or --scenario NAME"),
        (("simulate", "--rate", "0"), "--rate: must be a number above 0, not '0'"),
        (("simulate", "--rate", "-5"), "--rate: must be a number above 0, not '-5'"),
        (("simulate", "--rate", "nan"), "--rate: must be a number above 0"),
        ((*QUICK, "--algorithm", "tokenbucket"), "no algorithm is named 'tokenbucket', the nearest is token-bucket"),
        ((*QUICK, "--duration", "1m"), "--requests and --duration exclude each other"),
        ((*QUICK, "--tpm", "4800"), "a request can never fit: 3,500 tokens of input (up to 10% more by their length) "),
        ((*QUICK, "--tpm", "6000", "--quota-change", "9:60"), "are more than a quota of 3,000 tokens a minute"),
        (("simulate", "--rate", "0.5"), "a request can never fit: a quota of 0.5 requests a minute holds none"),
        ((*QUICK, "--quota-change", "9:0.5"), "a request can never fit: a quota of 0.5 requests a minute holds none"),
        ((*QUICK, "--burst", "2m"), "--burst: must be at most 60s"),
        ((*QUICK, "--users", "100000000"), "--users: must be at most 1,000"),
        ((*QUICK, "--load", "1e-300"), "--load: must be from 0.01 to 100"),
        ((*QUICK, "--tenant", "0-10m:1e9"), "--tenant: calls more than 100 times as often"),
        ((*QUICK, "--max-tokens", "99999999999"), "--max-tokens: must be at most 10,000,000 tokens"),
        ((*QUICK, "--html", "x" * 300), "--html: cannot write xxx"),
        ((*QUICK, "--outage", "60"), "--outage: must be FROM-TO, as in 60-120 or 1m-2m, not '60'"),
        ((*QUICK, "--outage", "60-60"), "--outage: must end after it begins, not '60-60'"),
        ((*QUICK, "--quota-change", "60"), "--quota-change: must be T:RATE, as in 5m:50, not '60'"),
        ((*QUICK, "--quota-change", "60:0"), "--quota-change: must be a number above 0"),
        ((*QUICK, "--tenant", "1-2"), "--tenant: must be FROM-TO:RPM, as in 5m-10m:300, not '1-2'"),
        ((*QUICK, "--docs", "missing"), "--docs: no such file or folder: missing"),
        ((*QUICK, "--docs", "."), "--docs: no sections were found in ."),
        ((*QUICK, "--html", "missing/page.html"), "--html: cannot write missing/page.html: there is no such folder"),
        ((*QUICK, "--html", "."), "--html: cannot write .: it is a folder"),
        (
            ("simulate", "--scenario", "nightly"),
            "cannot read 'nightly': No such file or directory\nhint: name",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2(shell, arguments, said):
    assert said in shell.refused(*arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('rate = 60\n# a remark\noutage = [\n  "1-2",\n]\nserverr = "fixed"\n', "s.toml:6: serverr: unknown key"),
        ("rate = 60\njson = true\n", "s.toml:2: json: may not stand in a scenario"),
        ("\nrate = 0\n", "s.toml:2: rate: must be a number above 0"),
        ('rate = 60\noutage = "1-2"\n', "s.toml:2: outage: must be a list"),
        ('rate = 60\n[[user]]\nname = "a"\n\nwieght = 2\n', "s.toml:5: [[user]] wieght: unknown key"),
        ("rate = 60\n[[user]]\n[[user]]\nweight = 0.5\n", "s.toml:4: [[user]] weight: must be a number of 1 or more"),
        ("[[user]]\ninput = [9, 3]\n", "s.toml:2: [[user]] input: must go from the smaller to the larger number"),
        ("[[user]]\ninput = 9\n", "s.toml:2: [[user]] input: must be two numbers, [FROM, TO]"),
        ("rate = 60\nuser = 3\n", "s.toml:2: user must be tables, [[user]]"),
        ("rate == 60\n", "s.toml: not TOML: "),
        ("rate = 60\nusers = 2\n[[user]]\n", "s.toml:2: users and [[user]] exclude each other"),
        ("[[user]]\ninput = [1, 2000000000]\n", "s.toml:2: [[user]] input: must be at most 10,000,000 tokens"),
        ("[server]\nrate = 60\n", "s.toml:1: server: {'rate': 60} is not one of"),
    ],
)
def test_what_is_wrong_in_a_scenario_is_named_with_its_line(shell, text, said):
    Path("s.toml").write_text(text)
    assert said in shell.refused("simulate", "--scenario", "s.toml")


def test_a_page_is_written_through_a_link_and_into_a_pipe(shell):
    Path("old.html").write_text("old")
    Path("link.html").symlink_to("old.html")
    os.mkfifo("pipe")
    told = [*QUICK, *TOLD, "--html"]
    assert shell(*told, "link.html").code == 0
    assert Path("link.html").is_symlink()
    with ThreadPoolExecutor(1) as other:
        read = other.submit(Path("pipe").read_text)
        assert shell(*told, "pipe").code == 0
        assert read.result(PATIENCE) == Path("old.html").read_text()
    assert Path("pipe").is_fifo()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_page_in_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_simulated(shell):
    Path("shut").mkdir(mode=0o500)
    assert "cannot write shut/page.html: permission denied" in shell.refused(*QUICK, "--html", "shut/page.html")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux shows them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_without_a_trace(tmp_path, number):
    endless = [COMMAND, "simulate", "--rate", "1000", "--requests", "50000000", "--algorithm", "none"]
    process = subprocess.Popen(endless, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 3:  # until it draws and simulates
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (128 + number, "")
    assert "Traceback" not in err
