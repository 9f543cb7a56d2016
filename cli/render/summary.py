"""The final block of a run: where the results are, what the run did, and what to do about problems."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from rich.console import Console
from rich.text import Text

from cli.errors import ExitCode
from cli.render.log import Message
from cli.render.numbers import MIN_RATE_SECONDS, count, counted, duration, money
from cli.render.quota import quota_items
from cli.render.rows import Item, count_item, prose, rows
from cli.render.stream import put
from cli.render.text import safe

PARTLY_DONE = (ExitCode.UNREADABLE, ExitCode.UNITS, ExitCode.LIMIT)
"""A warning in the log rather than an error."""


def print_summary(summary: Mapping[str, Any], output: str, console: Console) -> None:
    """Print the object of summary.json; `output` is the output directory."""
    # Captured, since Rich ends the program with its own exit code if its stream is a broken pipe.
    with console.capture() as report:
        console.print()
        console.print(Text(*_headline(summary)))
        _print_results(Path(output) / "results.jsonl", console)
        console.print(*_table(summary, console.width), sep="\n")
        for advice in _advice(summary):
            console.print(Text(f"- {advice}", style="yellow"))
    put(cast("TextIO", console.file), report.get())


def end_message(summary: Mapping[str, Any]) -> Message:
    """The object of summary.json as the last log line."""
    code = summary["exit_code"]
    level: Literal["info", "warning", "error"] = "warning" if code in PARTLY_DONE else "error" if code else "info"
    return Message(_headline(summary)[0].rstrip(":"), event="end", level=level, fields=summary)


def _headline(summary: Mapping[str, Any]) -> tuple[str, str]:
    """Text and style."""
    if summary["error"]:
        return f"Stopped: {safe(summary['error'])}", "bold red"
    if summary["exit_code"]:
        return f"Finished with problems (exit code {summary['exit_code']}):", "bold yellow"
    return "Done:", "bold green"


def _print_results(path: Path, console: Console) -> None:
    if not path.is_file():
        console.print(Text("no results.jsonl was written", style="yellow"))
        return
    # On one line, however long, so that it can be selected and copied.
    console.print(Text(safe(str(path)), style="bold"), soft_wrap=True)


def _table(summary: Mapping[str, Any], width: int) -> list[Text]:
    quota = summary["quota"]
    saved = {"already answered": "resumed", "cached": "cached", "duplicates": "duplicates"}
    return [
        *rows(
            "documents", [_plain(summary, "documents"), count_item("unreadable", summary["unreadable"], "red")], width
        ),
        *rows("sections", _sections(summary), width),
        *rows("saved", [count_item(name, summary[key]) for name, key in saved.items()], width),
        *rows("calls", _calls(summary), width),
        *rows("tokens", [_plain(summary, "input_tokens", " in"), _plain(summary, "output_tokens", " out")], width),
        *prose("cost", _cost(summary), "", width),
        *rows("time", _time(summary), width),
        *(rows("quota", quota_items(quota, summary["utilisation"]), width) if quota["source"] else ()),
    ]


def _plain(summary: Mapping[str, Any], key: str, unit: str = "") -> Item:
    return f"{count(summary[key])}{unit}", ""


def _sections(summary: Mapping[str, Any]) -> list[Item]:
    optional = {"incomplete": "yellow", "held": "yellow", "fallback": "yellow", "pending": "yellow"}
    return [
        _plain(summary, "sections"),
        count_item("unique", summary["unique"]),
        count_item("ok", summary["ok"]),
        count_item("failed", summary["failed"], "bold red"),
        *(count_item(name, summary[name], style) for name, style in optional.items() if summary[name]),
    ]


def _calls(summary: Mapping[str, Any]) -> list[Item]:
    return [
        _plain(summary, "calls"),
        count_item("throttled", summary["throttled"], "yellow"),
        count_item("retried", summary["retried"], "yellow"),
    ]


def _cost(summary: Mapping[str, Any]) -> str:
    usd = summary["cost_usd"]
    cost = "unknown price" if usd is None else money(usd)
    if not summary["emulated"]:
        return cost
    return f"{cost}{'' if usd is None else ' at list price'}; emulated, nothing was paid"


def _time(summary: Mapping[str, Any]) -> list[Item]:
    wall = summary["wall_s"]
    items = [(duration(wall), "")]
    if summary["calls"] and wall >= MIN_RATE_SECONDS:
        items.append((f"{count(summary['calls'] * 60 / wall)} calls/min", ""))
    return items


_RETRY = {
    "failed": "a plain re-run retries temporary failures, --retry failed all of them",
    "incomplete": "--retry incomplete calls, and pays, again",
    "held": "the calls may have been billed; --retry held calls again",
}


def _cut_off(summary: Mapping[str, Any]) -> str:
    answers, enough = counted(summary["cut_off"], "answer"), summary["enough_tokens"]
    return (
        f"{answers} cut off at --max-tokens: a larger value calls for them again, and for no other, and {enough} is "
        "probably enough"
    )


def _advice(summary: Mapping[str, Any]) -> Iterator[str]:
    """What to do, one line for each problem and each possible improvement."""
    if number := summary["unreadable"]:
        yield f'{counted(number, "document")} unreadable: see "status": "unreadable" in documents.jsonl'
    for status in ("failed", "incomplete", "held"):
        if number := summary[status]:
            remedy = _cut_off(summary) if status == "incomplete" and summary["cut_off"] else _RETRY[status]
            yield f'{counted(number, "section")} {status}: see "status": "{status}" in results.jsonl; {remedy}'
    if number := summary["fallback"]:
        yield f"{counted(number, 'section')} answered by an excerpt during an outage: run again to replace them"
    if number := summary["pending"]:
        yield f"{counted(number, 'section')} without an answer yet: run the same command again to continue"
    if number := summary["not_refreshed"]:
        yield f"{counted(number, 'section')} not refreshed: the earlier answers stay; run again with --refresh"
    if number := summary["maybe_paid_twice"]:
        yield f"{counted(number, 'call')} may have been paid twice: sent again after an unknown outcome"
    for advice in summary["advice"]:
        yield advice["text"]
