"""The figures of the last run as a file for the textfile collector of Prometheus' node_exporter."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jobs.atomic_file import atomic_write
from jobs.results.summary import Summary

PREFIX = "bedrock_batch_last_run_"
STATUSES = ("ok", "failed", "incomplete", "held", "fallback", "pending")
MODE = 0o644
"""node_exporter runs as another user."""


def write_metrics(path: Path, summary: Summary, output: Path, ended: float) -> None:
    """Write the file atomically; `ended` is Unix time. An existing file keeps its mode.

    Raises:
        OSError: it cannot be written.
    """
    is_new = not path.exists()
    with atomic_write(path, MODE) as file:
        if is_new:
            os.fchmod(file.fileno(), MODE)  # whatever the umask
        file.write(exposition(summary, output, ended))


def exposition(summary: Summary, output: Path, ended: float) -> str:
    """The figures in Prometheus' text format, all gauges, labelled with the output directory.

    https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md
    """
    # The absolute path tells the files of several jobs apart, which the collector would else refuse as duplicates.
    label = f'output="{_escaped(os.fsencode(output.absolute()).decode(errors="replace"))}"'
    lines = []
    for name, meaning, values in _figures(summary, ended):
        lines += [f"# HELP {PREFIX}{name} {meaning}", f"# TYPE {PREFIX}{name} gauge"]
        for more, value in values.items():
            lines.append(f"{PREFIX}{name}{{{f'{label},{more}' if more else label}}} {value}")
    return "\n".join(lines) + "\n"


def _figures(summary: Summary, ended: float) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """Name, meaning, and values by further labels."""
    yield "timestamp_seconds", "When the run ended, as Unix time.", {"": round(ended, 3)}
    yield "exit_code", "Exit code of the run.", {"": summary.exit_code}
    yield "duration_seconds", "Wall time of the run.", {"": summary.wall_s}
    yield "documents", "Documents read, unreadable ones included.", {"": summary.documents}
    yield "unreadable_documents", "Documents that could not be read.", {"": summary.unreadable}
    sections = {f'status="{status}"': getattr(summary, status) for status in STATUSES}
    yield "sections", "Sections by status.", sections
    yield "calls", "Calls sent, throttled ones included.", {"": summary.calls}
    yield "throttled_calls", "Calls answered with 429.", {"": summary.throttled}
    yield "retried_calls", "Calls for a section with a failed call before.", {"": summary.retried}
    tokens = {'direction="input"': summary.input_tokens, 'direction="output"': summary.output_tokens}
    yield "tokens", "Tokens of the answers, as the service counted them.", tokens
    if summary.cost_usd is not None:  # the price is known
        cost = 0.0 if summary.emulated else summary.cost_usd
        yield "cost_usd", "Cost of the run at list price, in USD; 0 with --emulate.", {"": cost}


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
