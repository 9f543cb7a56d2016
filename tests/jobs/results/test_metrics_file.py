"""The file for node_exporter."""

import os
import re
import stat
from pathlib import Path

import pytest

from jobs.results.metrics_file import exposition, write_metrics
from jobs.results.summary import Summary

SAMPLE = re.compile(
    r'bedrock_batch_last_run_([a-z_]+)\{output="((?:[^"\\\n]|\\["\\n])*)"(?:,([a-z]+="[a-z]+"))?\} (\S+)'
)


def summary(**values: object) -> Summary:
    return Summary("r1", "2026-01-01T00:00:00+00:00", "m", "e", **values)  # type: ignore[arg-type]


def samples(text: str) -> dict[tuple[str, str], float]:
    """Values by name and further label; every line is one of the format."""
    found = {}
    announced = ""
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP bedrock_batch_last_run_[a-z_]+ [^\\]+|TYPE [a-z_]+ gauge)", line)
            announced = line.split()[2]
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert announced == f"bedrock_batch_last_run_{sample[1]}"
        found[sample[1], sample[3] or ""] = float(sample[4])
    assert text.endswith("\n")
    return found


def test_the_figures_are_those_of_the_summary() -> None:
    run = summary(
        exit_code=4, wall_s=12.5, documents=9, unreadable=1, ok=5, failed=2, pending=1, calls=8, throttled=3, retried=1,
        input_tokens=700, output_tokens=80, cost_usd=0.25,
    )  # fmt: skip
    assert samples(exposition(run, Path("/srv/out"), 1_800_000_000.1234)) == {
        ("timestamp_seconds", ""): 1_800_000_000.123,
        ("exit_code", ""): 4,
        ("duration_seconds", ""): 12.5,
        ("documents", ""): 9,
        ("unreadable_documents", ""): 1,
        **{("sections", f'status="{status}"'): 0 for status in ("incomplete", "held", "fallback")},
        ("sections", 'status="ok"'): 5,
        ("sections", 'status="failed"'): 2,
        ("sections", 'status="pending"'): 1,
        ("calls", ""): 8,
        ("throttled_calls", ""): 3,
        ("retried_calls", ""): 1,
        ("tokens", 'direction="input"'): 700,
        ("tokens", 'direction="output"'): 80,
        ("cost_usd", ""): 0.25,
    }


def test_a_cost_is_what_is_paid_and_an_unknown_one_is_left_out() -> None:
    output = Path("/out")
    assert samples(exposition(summary(cost_usd=3.0, emulated=True), output, 0))["cost_usd", ""] == 0
    assert ("cost_usd", "") not in samples(exposition(summary(cost_usd=None), output, 0))


@pytest.mark.parametrize(
    ("output", "label"),
    [(b"/a b", "/a b"), (b'/"\\\n', r"/\"\\\n"), (b"/\xff\xc3\xa9", "/\ufffd\xe9")],
)
def test_the_output_directory_is_an_escaped_label(output: bytes, label: str) -> None:
    text = exposition(summary(), Path(os.fsdecode(output)), 0)
    assert f'exit_code{{output="{label}"}} 0\n' in text
    assert samples(text)


def test_a_relative_output_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert f'{{output="{tmp_path}/out"}}' in exposition(summary(), Path("out"), 0)


def test_another_user_can_read_a_new_file_whatever_the_umask_and_an_existing_one_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "b.prom"
    before = os.umask(0o077)
    try:
        write_metrics(path, summary(), tmp_path, 1.0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o640)
    write_metrics(path, summary(exit_code=5), tmp_path, 2.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert samples(path.read_text())["exit_code", ""] == 5
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.prom"]
