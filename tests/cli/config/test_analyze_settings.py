"""The settings of a run, from the command line, the environment and the settings file."""

import json
import math
import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from typer.main import get_command

from cli.app import program
from jobs.pipeline.stopping import MaxFailures
from jobs.requests.tasks import TASKS

OPTIONS = [option for option in get_command(program()).commands["analyze"].params if option.name != "paths"]


def test_the_defaults(shell, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    settings = shell.settings("a", "b", "--emulate")
    assert (settings.paths, settings.model, settings.emulate) == (("a", "b"), None, True)
    assert (settings.prompt, settings.system) == (TASKS["summarize"], "")
    assert (settings.max_tokens, settings.temperature, settings.top_p, settings.stop) == (1024, None, None, ())
    assert (settings.rpm, settings.tpm, settings.burst, settings.pacing, settings.concurrency) == (
        None, None, 1, "burst", 1000,
    )  # fmt: skip
    assert (settings.max_attempts, settings.call_timeout, settings.grace, settings.lock_wait) == (8, 900, 60, 0)
    assert (settings.budget, settings.deadline, settings.max_failures, settings.sample) == (None, None, None, None)
    assert (settings.output, settings.section_tokens) == (Path("bedrock-batch-out"), 2000)
    assert settings.cache_dir.is_relative_to(tmp_path / "caches")
    assert (settings.retry, settings.model_overrides) == (frozenset(), {})


def test_settings_cannot_be_changed(shell):
    with pytest.raises(FrozenInstanceError):
        shell.settings("a", "--emulate").max_tokens = 1


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_default_in_the_help_is_the_one_in_use(shell, option):
    shown = re.search(r"\[default: (.*)]\[/dim]", option.help)
    default = shown and shown[1]
    if default is None:
        assert option.default in (None, False)
    else:
        settings = shell.settings("a", "--emulate", f"--{option.name.replace('_', '-')}", default)
        assert settings == shell.settings("a", "--emulate")


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--model", "amazon.nova-lite-v1:0"], "model", "amazon.nova-lite-v1:0"),
        (["--region", "eu-central-1"], "region", "eu-central-1"),
        (["--profile", "work"], "profile", "work"),
        (["--task", "keywords"], "prompt", TASKS["keywords"]),
        (["--name", "parties-2026"], "name", "parties-2026"),
        (["--no-keep-text"], "no_keep_text", True),
        (["--prompt", ' Say {document} {} {"a": {b}} \n'], "prompt", 'Say {document} {} {"a": {b}}'),
        (["--system", "Be brief."], "system", "Be brief."),
        (["--max-tokens", "7"], "max_tokens", 7),
        (["--temperature", "0"], "temperature", 0),
        (["--top-p", "1"], "top_p", 1),
        (["--stop", "\n", "--stop", "END OF"], "stop", ("\n", "END OF")),
        (["--section-tokens", "50"], "section_tokens", 50),
        (["--rpm", "100"], "rpm", 100),
        (["--rpm", "none"], "rpm", math.inf),
        (["--tpm", "2.5"], "tpm", 2.5),
        (["--burst", "500ms"], "burst", 0.5),
        (["--pacing", "smooth", "--rpm", "5"], "pacing", "smooth"),
        (["--concurrency", "3"], "concurrency", 3),
        (["--fair-by", "none"], "fair_by", "none"),
        (["--max-attempts", "1"], "max_attempts", 1),
        (["--call-timeout", "1h30m"], "call_timeout", 5400),
        (["--output", "o"], "output", Path("o")),
        (["-o", "o"], "output", Path("o")),
        (["--cache-dir", "c"], "cache_dir", Path("c")),
        (["--no-cache"], "no_cache", True),
        (["--refresh"], "refresh", True),
        (["--retry", "failed", "--retry", "held"], "retry", {"failed", "held"}),
        (["--sample", "5"], "sample", 5),
        (["--budget", "2.50"], "budget", 2.5),
        (["--deadline", "2h"], "deadline", 7200),
        (["--max-failures", "10%"], "max_failures", MaxFailures(fraction=0.1)),
        (["--max-failures", "3"], "max_failures", MaxFailures(count=3)),
        (["--grace", "0"], "grace", 0),
        (["--on-unknown", "hold"], "on_unknown", "hold"),
        (["--on-outage", "fallback"], "on_outage", "fallback"),
        (["--include", "*.md", "--include", "*.txt"], "include", ("*.md", "*.txt")),
        (["--exclude", "x*"], "exclude", ("x*",)),
        (["--first", "a/*", "--first", "b.md"], "first", ("a/*", "b.md")),
        (["--follow-symlinks"], "follow_symlinks", True),
        (["--max-file-size", "10MB"], "max_file_size", 10_000_000),
        (["--progress", "plain"], "progress", "plain"),
        (["--quiet"], "quiet", True),
        (["-q"], "quiet", True),
        (["-v"], "verbose", True),
        (["--no-color"], "no_color", True),
        (["--json"], "json", True),
        (["--lock-wait", "15m"], "lock_wait", 900),
        (["--log-format", "json"], "log_format", "json"),
        (["--healthcheck-url", "https://hc-ping.com/u?create=1"], "healthcheck_url", "https://hc-ping.com/u?create=1"),
        (["--healthcheck-url", "http://127.0.0.1:8000/u"], "healthcheck_url", "http://127.0.0.1:8000/u"),
        (["--metrics-file", "b.prom"], "metrics_file", Path("b.prom")),
    ],
    ids=lambda argument: argument[0] if isinstance(argument, list) else "",
)  # fmt: skip
def test_each_option_reaches_the_run_and_changes_nothing_else(shell, arguments, name, value):
    settings = shell.settings("a", "--emulate", *arguments)
    assert getattr(settings, name) == value
    plain = shell.settings("a", "--emulate", *(["--rpm", "5"] if name == "pacing" else []))
    assert replace(plain, **{name: getattr(settings, name), "task": settings.task}) == settings


def test_a_prompt_can_come_from_a_file(shell, tmp_path):
    (tmp_path / "prompt.txt").write_text("What is due?\n")
    assert shell.settings("a", "--emulate", "--prompt-file", "prompt.txt").prompt == "What is due?"


def test_a_prompt_can_come_from_standard_input(shell):
    shell.type("What is due?\n", terminal=False)
    assert shell.settings("a", "--emulate", "--prompt-file", "-").prompt == "What is due?"


def test_the_exit_code_is_that_of_the_run(shell):
    shell.run = lambda _settings: 4
    assert shell("analyze", "a", "--emulate").code == 4


class TestEndpoint:
    @pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"])
    def test_it_comes_from_the_environment_as_for_any_aws_tool(self, shell, monkeypatch, variable):
        monkeypatch.setenv(variable, "http://127.0.0.1:9000")
        assert shell.settings("a", "--model", "m").endpoint_url == "http://127.0.0.1:9000"
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        assert shell.settings("a", "--model", "m").endpoint_url is None

    def test_the_service_variable_precedes_the_general_one_and_the_option_precedes_both(self, shell, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "https://general.example")
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://service.example")
        assert shell.settings("a", "--model", "m").endpoint_url == "https://service.example"
        settings = shell.settings("a", "--model", "m", "--endpoint-url", "https://option.example")
        assert settings.endpoint_url == "https://option.example"

    def test_emulate_ignores_the_endpoint_of_the_environment(self, shell, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "https://general.example")
        assert shell.settings("a", "--emulate").endpoint_url is None

    def test_plain_http_is_for_this_machine_only(self, shell, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://general.example")
        assert "environment variable AWS_ENDPOINT_URL: " in shell.refused("analyze", "a", "--model", "m")


class TestHealthcheckUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "http://check.example/secret", "ftp://127.0.0.1/secret", "https://user:secret@check.example/",
            "https://check.example/a secret", "https://check.example:port/secret", "https:///secret", "secret",
            "http://127.0.0.1.check.example/secret", "https://[secret", "https://check.example/secr\u00e9t",
        ],
    )  # fmt: skip
    def test_a_wrong_one_is_refused_and_never_shown(self, shell, url):
        message = shell.refused("analyze", "a", "--emulate", "--healthcheck-url", url)
        assert message.startswith("bedrock-batch: error: --healthcheck-url: ")
        assert "secr" not in message

    def test_verbose_does_not_show_it(self, shell):
        result = shell("analyze", "a", "--emulate", "-v", "--healthcheck-url", "https://check.example/secret")
        assert "setting --healthcheck-url = *** (command line)\n" in result.err


class TestPrecedence:
    """The command line, else the environment, else the file, else the default."""

    def test_the_order(self, shell, monkeypatch, tmp_path):
        assert shell.settings("a", "--emulate").max_tokens == 1024
        (tmp_path / "bedrock-batch.toml").write_text("[analyze]\nemulate = true\nmax-tokens = 1\n")
        assert shell.settings("a").max_tokens == 1
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_MAX_TOKENS", "2")
        assert shell.settings("a").max_tokens == 2
        assert shell.settings("a", "--max-tokens", "3").max_tokens == 3

    def test_options_that_exclude_each_other_follow_it_too(self, shell, monkeypatch, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text('[analyze]\nemulate = true\ntask = "keywords"\nquiet = true\n')
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_TASK", "actions")
        settings = shell.settings("a", "--verbose")
        assert (settings.prompt, settings.quiet, settings.verbose) == (TASKS["actions"], False, True)
        settings = shell.settings("a", "--prompt", "Why?", "--endpoint-url", "https://x.example", "--model", "m")
        assert (settings.prompt, settings.emulate) == ("Why?", False)

    def test_the_environment_can_turn_off_a_flag_of_the_file(self, shell, monkeypatch, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text("[analyze]\nemulate = true\nrefresh = true\n")
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_REFRESH", "no")
        assert not shell.settings("a").refresh

    def test_lists(self, shell, monkeypatch, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text('[analyze]\nemulate = true\nretry = ["held"]\ninclude = ["a b"]\n')
        assert shell.settings("a").include == ("a b",)
        assert shell.settings("a").retry == {"held"}
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_RETRY", "failed incomplete")
        assert shell.settings("a").retry == {"failed", "incomplete"}
        assert shell.settings("a", "--retry", "held").retry == {"held"}

    def test_verbose_says_where_each_setting_came_from(self, shell, monkeypatch, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text('[analyze]\nemulate = true\nstop = ["x", "\\u001b"]\n')
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_MAX_TOKENS", "2")
        result = shell("analyze", "a", "--verbose", "--prompt", "word " * 50)
        assert (result.code, result.out) == (0, "")
        assert result.err.splitlines() == [
            f"setting --prompt = {'word ' * 11}wo... (command line)",
            "setting --max-tokens = 2 (BEDROCK_BATCH_ANALYZE_MAX_TOKENS)",
            r"setting --stop = x, \x1b (bedrock-batch.toml: [analyze] stop)",
            "setting --emulate = True (bedrock-batch.toml: [analyze] emulate)",
            "setting --verbose = True (command line)",
        ]

    def test_as_json_too(self, shell):
        *settings, last = shell("analyze", "a", "--emulate", "-v", "--log-format", "json").err.splitlines()
        assert json.loads(last)["message"] == "setting --log-format = json (command line)"
        assert all(json.loads(line)["level"] == "info" for line in settings)


class TestFile:
    def test_config_names_another_file(self, shell, monkeypatch, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text("[analyze]\nemulate = true\nmax-tokens = 1\n")
        (tmp_path / "other.toml").write_text('[analyze]\nmodel = "m"\n')
        settings = shell.settings("a", "--config", "other.toml")
        assert (settings.model, settings.max_tokens, settings.emulate) == ("m", 1024, False)
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_CONFIG", "other.toml")
        assert shell.settings("a").model == "m"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("endpoint-url", "https://x.example"),
            ("profile", "p"),
            ("cache-dir", "c"),
            ("prompt-file", "p.txt"),
            ("healthcheck-url", "https://x.example/u"),
            ("metrics-file", "b.prom"),
        ],
    )
    def test_a_file_that_was_only_found_does_not_choose_where_data_and_credentials_go(
        self, shell, monkeypatch, tmp_path, key, value
    ):
        Path("p.txt").write_text("Why?")
        Path("bedrock-batch.toml").write_text(f'[analyze]\nmodel = "m"\n{key} = "{value}"\n')
        refused = shell.refused("analyze", "a")
        assert f"bedrock-batch.toml: [analyze] {key}: is not taken from a file that you did not name" in refused
        assert f"hint: give --{key}, or --config bedrock-batch.toml if you trust this file" in refused
        named = shell.settings("a", "--config", "bedrock-batch.toml")
        assert shell.settings("a", f"--{key}", value) == named
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_CONFIG", "bedrock-batch.toml")
        assert shell.settings("a") == named

    def test_keys_may_have_underscores(self, shell, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text("[analyze]\nemulate = true\nmax_tokens = 1\n")
        assert shell.settings("a").max_tokens == 1

    def test_values_are_written_as_on_the_command_line_or_as_numbers(self, shell, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text(
            '[analyze]\nemulate = true\nrpm = 100\ntpm = "auto"\ndeadline = "2h"\ngrace = 5\nmax-failures = "10%"\n'
            'budget = 2.5\nmax-file-size = "1MiB"\n'
        )
        settings = shell.settings("a")
        assert (settings.rpm, settings.tpm, settings.deadline, settings.grace) == (100, None, 7200, 5)
        assert (settings.max_failures, settings.budget) == (MaxFailures(fraction=0.1), 2.5)
        assert settings.max_file_size == 1 << 20

    def test_the_fields_of_models_are_passed_on(self, shell, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text(
            '[models."amazon.nova-*"]\ninput_usd = 1\noutput_usd = 0.5\nburndown = 5\ncontext_tokens = 1000\n'
        )
        assert shell.settings("a", "--emulate").model_overrides == {
            "amazon.nova-*": {"input_usd": 1, "output_usd": 0.5, "burndown": 5, "context_tokens": 1000}
        }
