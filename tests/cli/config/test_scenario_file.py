"""Scenario files of `simulate`: what they set, and their errors."""

import json
from pathlib import Path

import pytest

from cli.config import scenario_file

CONFIGURED = ("--algorithm", "bedrock-batch")


def as_json(shell, *arguments: str) -> dict:
    code, out, err = shell(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_list_scenarios_shows_names_and_titles(shell):
    code, out, _ = shell("simulate", "--list-scenarios")
    assert code == 0
    names = [line for line in out.splitlines() if not line.startswith(" ")]
    assert names == ["boundary-burst", "nightly-batch", "quota-cut", "three-teams"]
    assert out.count("?\n") == 4


@pytest.mark.parametrize("name", scenario_file.bundled())
def test_the_engine_loses_nothing_in_a_bundled_scenario(shell, name):
    (result,) = as_json(shell, "simulate", "--scenario", name, *CONFIGURED)["results"]
    assert result["lost"] == 0


def test_the_settings_file_can_name_a_scenario(shell):
    Path("bedrock-batch.toml").write_text('[simulate]\nscenario = "quota-cut"\nrequests = 30\n')
    scenario = as_json(shell, "simulate", *CONFIGURED)["scenario"]
    assert (scenario["rate"], scenario["requests"]) == (600.0, 3000)


def test_a_scenario_takes_precedence_over_the_settings_file(shell):
    Path("bedrock-batch.toml").write_text('[simulate]\nduration = "60"\n')
    scenario = as_json(shell, "simulate", "--scenario", "quota-cut", *CONFIGURED)["scenario"]
    assert (scenario["requests"], scenario["duration"]) == (3000, None)


def test_a_scenario_file_sets_options_and_users_below_the_command_line(shell):
    Path("mine.toml").write_text(
        'title = "Mine?"\nrate = 60\nrequests = 30\noutage = ["10-20"]\nalgorithm = ["bedrock-batch"]\n'
        '[[user]]\nname = "a"\nweight = 2\n[[user]]\nshare = 3\ninput = [10, 20]\noutput = 5\n'
    )
    Path("bedrock-batch.toml").write_text("[simulate]\nrate = 30\nmax-tokens = 99\n")
    scenario = as_json(shell, "simulate", "--scenario", "mine.toml", "--requests", "12")["scenario"]
    assert (scenario["rate"], scenario["requests"], scenario["max_tokens"]) == (60.0, 12, 99)
    assert scenario["outages"] == [[10.0, 20.0]]
    assert scenario["users"] == [
        {"name": "a", "weight": 2.0, "share": 1.0, "input": [500, 3500], "output": 350.0},
        {"name": "user 2", "weight": 1.0, "share": 3.0, "input": [10, 20], "output": 5.0},
    ]
    assert len(as_json(shell, "simulate", "--scenario", "mine.toml", "--users", "3")["scenario"]["users"]) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('rate = 60\noutage = ["1-2"]\nserverr = "fixed"\n', "s.toml: serverr: unknown key"),
        ("rate = 60\njson = true\n", "s.toml: json: is not allowed in a scenario"),
        ("\nrate = 0\n", "s.toml: rate: must be a number above 0"),
        ('rate = 60\noutage = "1-2"\n', "s.toml: outage: must be a list"),
        (
            'rate = 60\n[[user]]\nname = "a"\n\nwieght = 2\n',
            "s.toml: [[user]] 1: wieght: unknown key\nhint: the nearest known name is weight",
        ),
        (
            "rate = 60\n[[user]]\n[[user]]\nweight = 0.5\n",
            "s.toml: [[user]] 2: weight: must be a number from 1 to 1,000,000, not 0.5",
        ),
        ("[[user]]\ninput = [9, 3]\n", "s.toml: [[user]] 1: input: FROM must not be greater than TO, not [9, 3]"),
        ("[[user]]\ninput = 9\n", "s.toml: [[user]] 1: input: must be two numbers, [FROM, TO], not 9"),
        ("rate = 60\nuser = 3\n", "s.toml: user: must be tables, [[user]]"),
        ("rate == 60\n", "s.toml: not TOML: "),
        ("rate = 60\nusers = 2\n[[user]]\n", "s.toml: users and [[user]] exclude each other"),
        ("[[user]]\ninput = [1, 2000000000]\n", "s.toml: [[user]] 1: input: must be at most 10,000,000 tokens"),
        ("[server]\nrate = 60\n", "s.toml: server: {'rate': 60} is not one of"),
        ("rate = " + "[" * 3000, "s.toml: not readable: it is nested too deeply"),
        ("rate = " + "{a=" * 1300, "s.toml: not readable: it is nested too deeply"),
        ("\nrate = " + "1" * 5000, "s.toml: line 2 is longer than 4,000 characters\nhint: break the line"),
        ("rate = 0x" + "f" * 3900, "s.toml: it contains a number with too many digits"),
        ("#\n" * 70_000, "'s.toml' is larger than 128 KiB"),
        ("\ntitle = 5\n", "s.toml: title: must be a text, not 5"),
        ("rate = 60\n[title]\n", "s.toml: title: must be a text, not {}"),
        (
            "[[user]]\nshare = 1e308\n",
            "s.toml: [[user]] 1: share: must be a number from 0.000001 to 1,000,000, not 1e+308",
        ),
        ("[[user]]\nshare = 1e-300\n", "s.toml: [[user]] 1: share: must be a number from 0.000001 to 1,000,000"),
        (
            "[[user]]\nweight = 1e7\n",
            "s.toml: [[user]] 1: weight: must be a number from 1 to 1,000,000, not 10000000.0",
        ),
        ("rate = 60\n" + "[[user]]\n" * 1001, "s.toml: [[user]]: must be at most 1,000, not 1,001"),
        ("\nmax_tokens = 0\n", "s.toml: max-tokens: must be a whole number of 1 or more, not '0'"),
        ("rate = 60\n\ndocs = ['missing']\n", "s.toml: docs: no such file or folder: missing"),
        ("rate = 60\n\ntenant = ['0-1:9000']\n", "s.toml: tenant: more than 100 times the quota"),
        ("requests = 1000000000\n", "s.toml: requests: must be at most 100,000,000"),
    ],
)
def test_an_error_in_a_scenario_names_its_key(shell, text, message):
    Path("s.toml").write_text(text)
    assert message in shell.refused("simulate", "--scenario", "s.toml")


@pytest.mark.timeout(5)  # tomllib alone takes a minute for this key
def test_a_dotted_key_of_thousands_of_parts_is_rejected_quickly(shell):
    Path("s.toml").write_text("a" + ".a" * 60_000 + " = 1\n")
    message = shell.refused("simulate", "--scenario", "s.toml")
    assert "s.toml: line 1 is longer than 4,000 characters" in message


@pytest.mark.parametrize("wrong", [0, 400, 999])
def test_an_error_in_one_of_a_thousand_users_names_its_number(shell, wrong):
    users = ["[[user]]\nname = 'a'\nweight = 2\n"] * 1000
    users[wrong] = "[[user]]\nname = 'a'\nweight = 0\n"
    Path("s.toml").write_text("".join(users))
    assert f"s.toml: [[user]] {wrong + 1}: weight: " in shell.refused("simulate", "--scenario", "s.toml")


def test_a_scenario_that_does_not_exist_lists_the_bundled_ones(shell):
    message = shell.refused("simulate", "--scenario", "nightly")
    assert (
        "--scenario: cannot read 'nightly': No such file or directory\nhint: name a file or a bundled scenario "
        "(boundary-burst, nightly-batch, quota-cut, three-teams); the nearest known name is nightly-batch"
    ) in message
    message = shell.refused("simulate", "--scenario", "x" * 300)
    assert "x': File name too long\nhint: name a file or a bundled scenario" in message
