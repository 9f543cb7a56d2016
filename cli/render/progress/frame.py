"""One frame of the live display: a snapshot as lines of text, none wider than the terminal (pure)."""

from dataclasses import asdict

from rich.text import Text

from cli.render.numbers import MIN_RATE_SECONDS, cost, count, duration, percent
from cli.render.progress.plain import answers, documents_read, pause
from cli.render.quota import quota_items
from cli.render.rows import Item, count_item, prose, rows
from jobs.pipeline.stage import Stage
from jobs.progress.snapshot import Snapshot

MAX_WIDTH = 59
"""Cells, so that no line folds when the terminal gets narrower, down to 60 columns. Some terminals (tmux) fold lines
before they report the new width, and rows folded then cannot be counted and erased."""
MIN_BAR = 15
"""Cells: with less room than this for the bar, the times go on a line of their own."""


def frame(shot: Snapshot, width: int, *, ascii_only: bool = False) -> list[Text]:
    """The lines, the most important first: a low terminal shows only the first of them."""
    width = min(width, MAX_WIDTH)
    return [
        *_progress(shot, width, ascii_only=ascii_only),
        *(prose("stopping", shot.stopping, "bold yellow", width) if shot.stopping else ()),
        *(prose("paused", pause(shot), "yellow", width) if shot.paused and not shot.stopping else ()),
        *rows("documents", _documents(shot), width),
        *rows("sections", _sections(shot), width),
        *rows("calls", _calls(shot), width),
        *(rows("rate", _rate(shot), width) if shot.elapsed >= MIN_RATE_SECONDS else ()),
        *rows("quota", quota_items(asdict(shot.quota) | {"burst_s": 0.0}, shot.utilisation), width),
        *rows("tokens", [(f"{count(shot.input_tokens)} in", ""), (f"{count(shot.output_tokens)} out", "")], width),
        *prose("cost", cost(shot.cost_usd, emulated=shot.emulated), "", width),
        *(line for advice in shot.advice for line in prose("advice", advice.text, "yellow", width)),
        *_stages(shot.stages, width),
    ]


def _progress(shot: Snapshot, width: int, *, ascii_only: bool) -> list[Text]:
    done = shot.fraction
    number = f" {'?%' if done is None else percent(done):>4}"
    times = [f"{duration(shot.elapsed)} elapsed"]
    if shot.eta is not None:
        times.append(f"about {duration(shot.eta)} left")
    tail = f"{number}  {'  '.join(times)}"
    if width - len(tail) >= MIN_BAR:
        return [_bar(done, width - len(tail), ascii_only=ascii_only).append(tail)]
    bar = _bar(done, max(1, width - len(number)), ascii_only=ascii_only).append(number)
    return [bar, *rows("time", ((time, "") for time in times), width)]


def _bar(done: float | None, width: int, *, ascii_only: bool) -> Text:
    # Two characters, not only two colours: it is readable without colour.
    full, empty = "#-" if ascii_only else "━─"
    filled = int(width * (done or 0.0))
    bar = Text(full * filled, style="", no_wrap=True, overflow="crop")
    bar.stylize("green")
    return bar.append(empty * (width - filled), style="dim")


def _documents(shot: Snapshot) -> list[Item]:
    return [
        (f"{documents_read(shot)} read", ""),
        (f"{count(shot.sections)} sections", ""),
        count_item("unreadable", shot.unreadable, "red"),
    ]


def _sections(shot: Snapshot) -> list[Item]:
    optional = {"fallback": shot.fallback, "skipped": shot.skipped}
    return [
        (answers(shot), ""),
        count_item("failed", shot.failed, "bold red"),
        count_item("incomplete", shot.incomplete, "yellow"),
        count_item("held", shot.held, "yellow"),
        count_item("already answered", shot.resumed),
        count_item("cached", shot.cached),
        count_item("duplicates", shot.duplicates),
        *(count_item(name, number, "yellow") for name, number in optional.items() if number),
    ]


def _calls(shot: Snapshot) -> list[Item]:
    latency = [(f"{_latency(shot.latency)} each", "")] if shot.latency else []
    return [
        (f"{count(shot.calls)} sent", ""),
        count_item("throttled", shot.throttled, "yellow"),
        count_item("retried", shot.retried, "yellow"),
        *latency,
    ]


def _latency(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"


def _rate(shot: Snapshot) -> list[Item]:
    return [(f"{count(shot.calls_per_minute)} calls/min", ""), (f"{count(shot.tokens_per_minute)} tokens/min", "")]


def _stages(stages: tuple[Stage, ...], width: int) -> list[Text]:
    if not stages:
        return []
    titles = ("stage", "waiting", "active", "done")
    cells = [(s.name, count(s.waiting), count(s.active), count(s.done)) for s in stages]
    lines = [f"{a:<10.10} {b:>9} {c:>7} {d:>10}"[:width] for a, b, c, d in (titles, *cells)]
    styles = ["dim"] + [""] * len(cells)
    return [Text(line, style=style, no_wrap=True, overflow="crop") for line, style in zip(lines, styles, strict=True)]
