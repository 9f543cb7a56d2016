"""`simulate` from the command line: what it shows, what it takes, what it refuses."""

import json
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from running import COMMAND, PATIENCE

from cli.config import scenario_file
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
        ((*QUICK, "--tenant", "0-10m:1e6"), "--tenant: calls more than 100 times as often"),
        ((*QUICK, "--max-tokens", "99999999999"), "--max-tokens: must be at most 10,000,000 tokens"),
        ((*QUICK, "--html", "x" * 300), "--html: cannot write xxx"),
        (
            ("simulate", "--rate", "1e308", "--duration", "1"),
            "--rate: must be at most 10,000,000 a minute, not '1e308'",
        ),
        ((*QUICK, "--tpm", "1e300"), "--tpm: must be at most 1,000,000,000,000 a minute"),
        ((*QUICK, "--tenant", "0-1:1e308"), "--tenant: must be at most 10,000,000 a minute"),
        ((*QUICK, "--quota-change", "1:1e308"), "--quota-change: must be at most 10,000,000 a minute"),
        ((*QUICK, "--outage", "0-31d"), "--outage: must be at most 30d, not '31d'"),
        ((*QUICK, "--latency", "31d"), "--latency: must be at most 30d, not '31d'"),
        (("simulate", "--rate", "9", "--requests", "100000001"), "--requests: must be at most 100,000,000"),
        (
            ("simulate", "--rate", "9", "--duration", "9" * 18),
            "--duration: must be at most 30d, not '999999999999999999'",
        ),
        (
            ("simulate", "--rate", "1e7", "--duration", "30d"),
            "--duration: so long a time at 10,000,000 requests a minute",
        ),
        ((*QUICK, "--scenario", "x" * 300), "x': File name too long\nhint: name a file, or a ready scenario"),
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
        (
            "rate = 60\n[[user]]\n[[user]]\nweight = 0.5\n",
            "s.toml:4: [[user]] weight: must be a number from 1 to 1,000,000",
        ),
        ("[[user]]\ninput = [9, 3]\n", "s.toml:2: [[user]] input: must go from the smaller to the larger number"),
        ("[[user]]\ninput = 9\n", "s.toml:2: [[user]] input: must be two numbers, [FROM, TO]"),
        ("rate = 60\nuser = 3\n", "s.toml:2: user must be tables, [[user]]"),
        ("rate == 60\n", "s.toml: not TOML: "),
        ("rate = 60\nusers = 2\n[[user]]\n", "s.toml:2: users and [[user]] exclude each other"),
        ("[[user]]\ninput = [1, 2000000000]\n", "s.toml:2: [[user]] input: must be at most 10,000,000 tokens"),
        ("[server]\nrate = 60\n", "s.toml:1: server: {'rate': 60} is not one of"),
        ("rate = " + "[" * 3000, "s.toml: not readable: it is nested too deeply"),
        ("rate = " + "{a=" * 1300, "s.toml: not readable: it is nested too deeply"),
        ("\nrate = " + "1" * 5000, "s.toml:2: is longer than 4,000 characters\nhint: break the line"),
        ("rate = 0x" + "f" * 3900, "s.toml: not readable: it has a whole number of thousands of digits"),
        ("a" + ".a" * 20_000 + " = 1\n", "s.toml:1: is longer than 4,000 characters"),
        ("#\n" * 70_000, "'s.toml' is larger than 128 KiB"),
        ("\ntitle = 5\n", "s.toml:2: title: must be a text, not 5"),
        ("rate = 60\n[title]\n", "s.toml:2: title: must be a text, not {}"),
        (
            "[[user]]\nshare = 1e308\n",
            "s.toml:2: [[user]] share: must be a number from 0.000001 to 1,000,000, not 1e+308",
        ),
        ("[[user]]\nshare = 1e-300\n", "s.toml:2: [[user]] share: must be a number from 0.000001 to 1,000,000"),
        ("[[user]]\nweight = 1e7\n", "s.toml:2: [[user]] weight: must be a number from 1 to 1,000,000, not 10000000.0"),
        ("rate = 60\n" + "[[user]]\n" * 1001, "s.toml:1002: [[user]]: must be at most 1,000, not 1,001"),
        ("\nmax_tokens = 0\n", "s.toml:2: max-tokens: must be a whole number of 1 or more, not '0'"),
        ("rate = 60\n\ndocs = ['missing']\n", "s.toml:3: docs: no such file or folder: missing"),
        ("rate = 60\n\ntenant = ['0-1:9000']\n", "s.toml:3: tenant: calls more than 100 times as often"),
        ("requests = 1000000000\n", "s.toml:1: requests: must be at most 100,000,000"),
    ],
)
def test_what_is_wrong_in_a_scenario_is_named_with_its_line(shell, text, said):
    Path("s.toml").write_text(text)
    assert said in shell.refused("simulate", "--scenario", "s.toml")


@pytest.mark.timeout(20)  # where each line was tried, it took minutes
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# a remark\n" * 10_000 + "foo = 1\n", 10_001),
        ("outage = [\n" + '"1-2",\n' * 10_000 + "]\nfoo = 1\n", 10_003),
        ("outage = [\n" + '"1-2",  # foo\n' * 5_000 + "]\nfoo = 1\n", 5_003),
        ('title = """\nfoo = 2\n"""\n# foo = 3\nfoo = 1\nrate = 60\n', 5),
        ("rate = 60\n'foo' = 1\n", 2),
        ('rate = 60\n"f\\u006fo" = 1\n', 2),
    ],
)
def test_a_wrong_key_is_named_with_its_line_however_long_the_file_is(shell, text, line):
    Path("s.toml").write_text(text)
    assert f"s.toml:{line}: foo: unknown key" in shell.refused("simulate", "--scenario", "s.toml")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("wrong", [0, 400, 999])
def test_so_is_one_of_a_thousand_users(shell, wrong):
    users = ["[[user]]\nname = 'a'\nweight = 2\n"] * 1000
    users[wrong] = "[[user]]\nname = 'a'\nweight = 0\n"
    Path("s.toml").write_text("".join(users))
    assert f"s.toml:{3 * wrong + 3}: [[user]] weight: " in shell.refused("simulate", "--scenario", "s.toml")


@pytest.mark.parametrize("name", ["loop", "loop/page.html"])
def test_a_page_behind_a_link_to_itself_is_refused(shell, name):
    Path("loop").symlink_to("loop")
    assert f"--html: cannot write {name}: Too many levels of symbolic links" in shell.refused(*QUICK, "--html", name)


def test_what_a_scenario_says_goes_before_what_the_settings_file_says_against_it(shell):
    Path("bedrock-batch.toml").write_text('[simulate]\nduration = "60"\n')
    made = as_json(shell, "simulate", "--scenario", "quota-cut", *TOLD)
    assert (made["scenario"]["requests"], made["scenario"]["duration"]) == (3000, None)


def test_requests_that_come_more_slowly_than_they_can_be_served_are_not_called_more(shell):
    timed = ("simulate", "--rate", "120", "--duration", "1m", *TOLD)
    assert shell(*timed).out.startswith("more requests than can be served against 120 requests a minute, ")
    assert shell(*timed, "--arrivals", "poisson", "--load", "0.5").out.startswith(
        "requests that come at random, 60 a minute on average, against 120 requests a minute, "
    )
    assert shell(*timed, "--arrivals", "bursty", "--load", "2").out.startswith(
        "requests that come in bursts, 240 a minute on average, against 120 requests a minute, "
    )


def test_a_run_without_a_whole_minute_has_no_worst_one_and_does_not_win_by_it(shell):
    told = ("simulate", "--rate", "100", "--requests", "100", "--server", "sliding", "--html", "page.html")
    lines = shell(*told, "--algorithm", "token-bucket", "--algorithm", "adaptive").out.splitlines()
    shown = {line.split()[0]: line.split()[-1] for line in lines[3:5]}
    assert shown["token-bucket"] == "-"
    assert not shown["adaptive"].endswith("*")
    assert "<td>-</td>" in Path("page.html").read_text()


def test_a_signal_while_documents_are_measured_ends_it_outside_of_their_event_loop(shell, monkeypatch):
    Path("a.md").write_text("Text.\n")
    where, ended = [], threading.Event()

    async def measured(*_):
        where.append(threading.current_thread())
        signal.raise_signal(signal.SIGTERM)
        ended.wait(PATIENCE)
        return [], []

    monkeypatch.setattr("cli.config.simulate_settings.measured", measured)
    try:
        assert shell("simulate", "--rate", "60", "--docs", "a.md") == (128 + signal.SIGTERM, "", "")
    finally:
        ended.set()
    assert where[0] is not threading.main_thread()


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
