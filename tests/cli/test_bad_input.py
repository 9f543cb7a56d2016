"""Wrong input ends with exit code 2 before any call: one line names it, and one says what to do."""

import os

import pytest

GOOD = ("analyze", "a", "--emulate")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing command"),
        (("anlyze",), "No such command 'anlyze'. Did you mean 'analyze'?"),
        (("analyze",), "Missing argument 'PATH'"),
        (("analyze", "", "--emulate"), "PATH: is empty"),
        (("analyze", "a"), "no model to call\nhint: give --model ID (a model or inference profile), or --emulate"),
        ((*GOOD, "--modle", "x"), "No such option: --modle (Possible options: --model"),
        ((*GOOD, "--model"), "Option '--model' requires an argument"),
        ((*GOOD, "--emulate=yes"), "Option '--emulate' does not take a value"),
        (("analyze", "a", "--model", "--emulate"), "--model: '--emulate' is not a model id"),
        (("analyze", "a", "--model", "../../x"), "--model: '../../x' is not a model id"),
        (("analyze", "a", "--model", "a\x1b[31m"), r"--model: 'a\x1b[31m' is not a model id"),
        ((*GOOD, "--max-tokens", "0"), "--max-tokens: must be a whole number of 1 or more, not '0'"),
        ((*GOOD, "--max-tokens", "many"), "--max-tokens: must be a whole number of 1 or more, not 'many'"),
        ((*GOOD, "--temperature", "1.5"), "--temperature: must be a number from 0 to 1"),
        ((*GOOD, "--top-p", "-1"), "--top-p: must be a number from 0 to 1"),
        ((*GOOD, "--rpm", "fast"), "--rpm: must be a number above 0, auto or none"),
        ((*GOOD, "--tpm", "0"), "--tpm: must be a number above 0, auto or none"),
        ((*GOOD, "--deadline", "soon"), "--deadline: 'soon' is not a duration; write 90, 90s, 15m or 1h30m"),
        ((*GOOD, "--call-timeout", "0"), "--call-timeout: must be longer than 0 s"),
        ((*GOOD, "--max-file-size", "big"), "--max-file-size: 'big' is not a size; write 500kB, 10MB or 64MiB"),
        ((*GOOD, "--max-failures", "150%"), "--max-failures: must be a count (25) or a percentage up to 100% (10%)"),
        ((*GOOD, "--budget", "-1"), "--budget: must be a number of 0 or more"),
        ((*GOOD, "--progress", "loud"), "--progress: 'loud' is not one of 'auto', 'live', 'plain', 'none'"),
        ((*GOOD, "--on-outage", "panic"), "--on-outage: 'panic' is not one of 'wait', 'fail', 'fallback'"),
        ((*GOOD, "--retry", "all"), "--retry: 'all' is not one of 'failed', 'incomplete', 'held'"),
        ((*GOOD, "--output", ""), "--output: is empty"),
        ((*GOOD, "--region", "x.evil.com/"), "--region: 'x.evil.com/' is not a region"),
        ((*GOOD, "--task", "sing"), "--task: unknown task 'sing'; choose from summarize, "),
        ((*GOOD, "--prompt", " \n"), "--prompt: is empty"),
        ((*GOOD, "--prompt", "\udcff"), "--prompt: is not valid UTF-8"),
        ((*GOOD, "--prompt", "x", "--task", "keywords"), "--task and --prompt exclude each other"),
        ((*GOOD, "--prompt", "x", "--prompt-file", "f"), "--prompt and --prompt-file exclude each other"),
        ((*GOOD, "--prompt-file", "missing"), "--prompt-file: cannot read 'missing': No such file or directory"),
        ((*GOOD, "--prompt-file", "."), "--prompt-file: cannot read '.': Is a directory"),
        ((*GOOD, "--quiet", "--verbose"), "--quiet and --verbose exclude each other"),
        ((*GOOD, "--endpoint-url", "https://x.example"), "--endpoint-url and --emulate exclude each other"),
        ((*GOOD, "--pacing", "smooth"), "--pacing: smooth spreads the calls of a known quota\nhint: give --rpm N"),
        ((*GOOD, "--pacing", "smooth", "--rpm", "auto"), "--pacing: smooth spreads the calls of a known quota"),
        (
            ("analyze", "a", "--model", "m", "--endpoint-url", "http://x.example"),
            "--endpoint-url: the endpoint 'http://x.example' would carry documents",
        ),
        ((*GOOD, "--config", "missing.toml"), "settings file: cannot read 'missing.toml': No such file or directory"),
        ((*GOOD, "--config", ""), "--config: is empty"),
        (("emulate", "--port", "99999"), "--port: must be a port from 0 to 65535"),
        (("emulate", "--refill", "slow"), "--refill: 'slow' is not one of 'bucket', 'fixed', 'sliding'"),
        (("emulate", "--rpm", "0"), "--rpm: must be a number above 0"),
        (("emulate", "--fault", "sloth"), "--fault: unknown fault 'sloth'; known faults: "),
        (("emulate", "--fault", "reset,p=1"), "--fault: unknown condition 'p=1'; write NAME=VALUE with one of "),
        (("emulate", "--fault", "reset,probability=2"), "--fault: probability must be a number from 0 to 1"),
        (("emulate", "--verify-signatures"), "AWS_SECRET_ACCESS_KEY are not set\nhint: set them"),
        (("cache",), "Missing argument 'stats|clear|prune'"),
        (("cache", "stat"), "stats|clear|prune: 'stat' is not one of 'stats', 'clear', 'prune'"),
        (("cache", "prune", "--older-than", "long"), "--older-than: 'long' is not a duration"),
        (("cache", "prune", "--older-than", "3"), "--older-than: '3' has no unit; write 3d or 3h"),
        (("cache", "clear", "--yes", "--older-than", "3d"), "--older-than goes with prune, not with clear"),
        ((*GOOD, "--prompt", "{documnet}?"), "--prompt: unknown placeholder {documnet}\nhint: the nearest known one"),
    ],
    ids=lambda value: ascii(" ".join(value)) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_on_the_command_line(shell, arguments, message):
    assert message in shell.refused(*arguments)


def test_an_unknown_option_is_an_error(shell):
    assert "No such option: --schema" in shell.refused(*GOOD, "--schema", "x")


def test_an_empty_prompt_file(shell, tmp_path):
    (tmp_path / "prompt.txt").write_text(" \n")
    assert "--prompt-file: 'prompt.txt' is empty\nhint: a prompt must not be empty" in shell.refused(
        *GOOD, "--prompt-file", "prompt.txt"
    )


def test_an_empty_standard_input(shell):
    shell.type("", terminal=False)
    assert "--prompt-file: standard input is empty\nhint: a prompt must not be empty" in shell.refused(
        *GOOD, "--prompt-file", "-"
    )


def test_a_misspelled_placeholder_in_a_prompt_file(shell, tmp_path):
    (tmp_path / "prompt.txt").write_text("Where is {heading-path}?")
    err = shell.refused(*GOOD, "--prompt-file", "prompt.txt")
    assert "--prompt-file: unknown placeholder {heading-path}\nhint: the nearest known one is {heading_path}" in err


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BEDROCK_BATCH_ANALYZE_MODLE", "m", "unknown environment variable BEDROCK_BATCH_ANALYZE_MODLE\nhint: "),
        ("BEDROCK_BATCH_ANALYZE_MODLE", "m", "hint: the nearest known name is BEDROCK_BATCH_ANALYZE_MODEL\n"),
        ("BEDROCK_BATCH_RPM", "1", "unknown environment variable BEDROCK_BATCH_RPM\nhint: the nearest known name is "),
        ("BEDROCK_BATCH_EMULATE_PROT", "1", "the nearest known name is BEDROCK_BATCH_EMULATE_PORT"),
        ("BEDROCK_BATCH_ANALYZE_RPM", "x", "BEDROCK_BATCH_ANALYZE_RPM: must be a number above 0, auto or none"),
        ("BEDROCK_BATCH_ANALYZE_QUIET", "maybe", "BEDROCK_BATCH_ANALYZE_QUIET: must be true or false, not 'maybe'"),
        ("BEDROCK_BATCH_ANALYZE_PROGRESS", "loud", "error: BEDROCK_BATCH_ANALYZE_PROGRESS: 'loud' is not one of"),
        ("BEDROCK_BATCH_ANALYZE_ENDPOINT_URL", "http://x.example", "ANALYZE_ENDPOINT_URL: the endpoint"),
    ],
)  # fmt: skip
def test_in_the_environment(shell, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    assert message in shell.refused("analyze", "a", "--model", "m")


def test_a_setting_of_another_command_is_ignored(shell, monkeypatch, tmp_path):
    monkeypatch.setenv("BEDROCK_BATCH_EMULATE_PORT", "not looked at")
    monkeypatch.setenv("BEDROCK_BATCH_DEBUG", "1")
    (tmp_path / "bedrock-batch.toml").write_text("[emulate]\nport = 9001\n")
    assert shell(*GOOD).code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[analyze]\nmax-tokns = 3", "[analyze] max-tokns: unknown key\nhint: the nearest known name is max-tokens"),
        ("[emulate]\nprot = 3", "[emulate] prot: unknown key\nhint: the nearest known name is port"),
        ("[analyze]\nconfig = 'x'", "[analyze] config: unknown key"),
        ("[analyze]\npaths = ['x']", "[analyze] paths: unknown key"),
        ("[analyze]\nhelp = true", "[analyze] help: unknown key"),
        ("[analyz]", "unknown section [analyz]\nhint: the nearest known name is analyze"),
        ("[analyze.more]", "[analyze] more: unknown key"),
        ("model = 'm'", "unknown key model outside of a section"),
        ("analyze = 1", "analyze must be a section, [analyze]"),
        ("[analyze]\nrpm = ", "not TOML: Invalid value (at line 2, column 7)"),
        ("[analyze]\nrpm = " + "[" * 5000, "bedrock-batch.toml: not readable: it is nested too deeply"),
        ("[analyze]\nrpm = " + "{a=" * 3000, "bedrock-batch.toml: not readable: it is nested too deeply"),
        ("[analyze]\nrpm = " + "1" * 5000, "it contains a number with too many digits"),
        ("[analyze]\nrpm = 1\nrpm = 2", "not TOML: Cannot overwrite a value (at line 3"),
        ("[analyze]\nmax-tokens = 1\nmax_tokens = 2", "[analyze] max_tokens: given twice"),
        ("[analyze]\nmax-tokens = 'many'", "[analyze] max-tokens: must be a whole number of 1 or more, not 'many'"),
        ("[analyze]\nmax-tokens = 1.5", "[analyze] max-tokens: must be a whole number of 1 or more, not '1.5'"),
        ("[analyze]\nmax-tokens = true", "[analyze] max-tokens: must be a text or a number, not True"),
        ("[analyze]\nrpm = [1]", "[analyze] rpm: must be"),
        ("[analyze]\ndeadline = 2026-01-01", "[analyze] deadline: must be a text or a number, not datetime.date"),
        ("[analyze]\nregion = 5", "[analyze] region: must be a text, not 5"),
        ("[analyze]\noutput = 5", "[analyze] output: must be a path, not 5"),
        ("[analyze]\nquiet = 'yes'", "[analyze] quiet: must be true or false, not 'yes'"),
        ("[analyze]\nstop = 'x'", "[analyze] stop: must be a list, [...], not 'x'"),
        ("[analyze]\nstop = [1]", "[analyze] stop: must be a text, not 1"),
        ("[analyze]\nretry = ['all']", "[analyze] retry: 'all' is not one of"),
        ("[analyze]\nprogress = 5", "[analyze] progress: 5 is not one of"),
        ("[analyze]\ntask = 'keywords'\nprompt = 'x'", "bedrock-batch.toml: [analyze] prompt exclude each other"),
        ("[models]\nburndown = 5", "[models] burndown: unknown key"),
        ("[models.'x']\nburnup = 5", '[models."x"] burnup: unknown key\nhint: the nearest known name is burndown'),
        ("[models.'x']\nburndown = 0", '[models."x"] burndown: must be a number above 0, not 0'),
        ("[models.'x']\ninput_usd = 'much'", "[models.\"x\"] input_usd: must be a number, not 'much'"),
        ("[models.'x']\ninput_usd = -1", '[models."x"] input_usd: must be a number of 0 or more, not -1'),
    ],
)  # fmt: skip
def test_in_the_settings_file(shell, tmp_path, content, message):
    (tmp_path / "bedrock-batch.toml").write_text(f"{content}\n")
    err = shell.refused("analyze", "a", "--model", "m")
    assert message in err
    assert "bedrock-batch.toml: " in err


def test_a_settings_file_that_cannot_be_read(shell, tmp_path):
    file = tmp_path / "bedrock-batch.toml"
    file.write_bytes(b"\xff")
    assert "settings file: 'bedrock-batch.toml' is not UTF-8" in shell.refused(*GOOD)
    file.unlink()
    file.mkdir()
    assert "settings file: cannot read 'bedrock-batch.toml': Is a directory" in shell.refused(*GOOD)
    file.rmdir()
    os.mkfifo(file)
    assert "settings file: bedrock-batch.toml is a pipe" in shell.refused(*GOOD)
