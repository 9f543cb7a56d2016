"""The closing report: where the results are, what it took, and what to do about what is not well."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console
from rich.text import Text

from cli.render.numbers import count, counted, duration, money
from cli.render.quota import quota_items
from cli.render.rows import Item, count_item, prose, rows
from cli.render.stream import put
from cli.render.text import safe


def summary(summary: Mapping[str, Any], output: str, console: Console) -> None:
    """Print the object of summary.json for a person; `output` is the output directory."""
    # Captured, since Rich ends the program where its stream is a broken pipe; the exit code is not its to choose.
    with console.capture() as report:
        console.print()
        console.print(_headline(summary))
        _print_results(Path(output) / "results.jsonl", console)
        console.print(*_table(summary, console.width), sep="\n")
        for advice in _advice(summary):
            console.print(Text(f"- {advice}", style="yellow"))
    put(cast("TextIO", console.file), report.get())


def _headline(summary: Mapping[str, Any]) -> Text:
    if summary["error"]:
        return Text(f"Stopped: {safe(summary['error'])}", style="bold red")
    if summary["exit_code"]:
        return Text(f"Done, but not all is well (exit code {summary['exit_code']}):", style="bold yellow")
    return Text("Done:", style="bold green")


def _print_results(path: Path, console: Console) -> None:
    if not path.is_file():
        console.print(Text("no results.jsonl was written", style="yellow"))
        return
    # On one line, however long, so that it can be selected and copied.
    console.print(Text(safe(str(path)), style="bold"), soft_wrap=True)


def _table(summary: Mapping[str, Any], width: int) -> list[Text]:
    quota = summary["quota"]
    return [
        *rows(
            "documents", [_plain(summary, "documents"), count_item("unreadable", summary["unreadable"], "red")], width
        ),
        *rows("sections", _sections(summary), width),
        *rows("saved", [count_item(name, summary[name]) for name in ("resumed", "cached", "duplicates")], width),
        *rows("calls", _calls(summary), width),
        *rows("tokens", [_plain(summary, "input_tokens", " in"), _plain(summary, "output_tokens", " out")], width),
        *prose("cost", _cost(summary), "", width),
        *rows("time", _time(summary), width),
        *(rows("quota", quota_items(quota, summary["utilisation"]), width) if quota["source"] else ()),
    ]


def _plain(summary: Mapping[str, Any], key: str, unit: str = "") -> Item:
    return f"{count(summary[key])}{unit}", ""


def _sections(summary: Mapping[str, Any]) -> list[Item]:
    troubles = {"failed": "bold red", "incomplete": "yellow", "held": "yellow", "fallback": "yellow"}
    pending = [count_item("pending", summary["pending"], "yellow")] if summary["pending"] else []
    return [
        _plain(summary, "sections"),
        _plain(summary, "unique", " different"),
        count_item("ok", summary["ok"]),
        *(
            count_item(name, summary[name], style)
            for name, style in troubles.items()
            if summary[name] or name == "failed"
        ),
        *pending,
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
    if summary["calls"] and wall >= RATE_MEANS_SOMETHING:
        items.append((f"{count(summary['calls'] * 60 / wall)} calls/min", ""))
    return items


RATE_MEANS_SOMETHING = 10.0
"""Seconds of a run."""

_AGAIN = {
    "failed": "a plain re-run calls for those again that may pass, --retry failed for all",
    "incomplete": "--retry incomplete pays for them again",
    "held": "they may have been paid for, --retry held calls again",
}


def _advice(summary: Mapping[str, Any]) -> Iterator[str]:
    """What to do, one line for each thing that is not well, or could be better."""
    if number := summary["unreadable"]:
        yield f'{counted(number, "document")} unreadable: see "status": "unreadable" in documents.jsonl'
    for status in ("failed", "incomplete", "held"):
        if number := summary[status]:
            yield f'{counted(number, "section")} {status}: see "status": "{status}" in results.jsonl; {_AGAIN[status]}'
    if number := summary["fallback"]:
        yield f"{counted(number, 'section')} answered by an excerpt, as the service was out: run again to replace them"
    if number := summary["pending"]:
        yield f"{counted(number, 'section')} without an answer yet: run the same command again to go on"
    if number := summary["maybe_paid_twice"]:
        yield f"{counted(number, 'call')} may have been paid twice: their outcome was unknown, and they were made again"
    for advice in summary["advice"]:
        yield advice["text"]
