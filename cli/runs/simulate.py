"""One `simulate` before a person or a program: the runs, and what is shown of them."""

import json as json_format
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast

from cli.config.simulate_settings import Named, SimulateSettings, described, simulation_of
from cli.errors import UserError
from cli.render.progress.simulate import simulating
from cli.render.simulate_table import recommendation_lines, write_table
from cli.render.stream import stdout_lost
from jobs.atomic_file import atomic_write
from jobs.simulation.comparison import ALGORITHMS, GateMaker, Shown, compare
from jobs.simulation.result import Result

_T = TypeVar("_T")

AWAKE = 0.2
"""Seconds after which a wait begins anew: a signal that comes in the instant before a thread falls asleep does not
wake it."""


def simulate(
    settings: SimulateSettings,
    algorithms: Sequence[str],
    gate: GateMaker,
    *,
    named: Named,
    title: str = "",
    json: bool = False,
    html: Path | None = None,
) -> int:
    """Run the algorithms (all if none is named) and show what came of them; returns the exit code.

    `named` names an option as its source does.

    Raises:
        UserError: it cannot be simulated, or the page cannot be written.
    """
    if html is not None:
        try:
            _check_writable(html)
        except OSError as error:
            raise _unwritable(html, error.strerror or str(error)) from error
    simulation = _apart(lambda: simulation_of(settings, named))
    names = tuple(dict.fromkeys(algorithms)) or ALGORITHMS
    with simulating(names, simulation, sys.stderr) as screen:
        shown = _apart(lambda: list(compare(simulation, names, gate, timelines=html is not None, watch=screen.watch)))
    told = described(settings, simulation)
    if html is not None:
        _write_page(html, title, told, shown, settings.docs)
    try:
        if json:
            print(json_format.dumps(_as_json(told, shown)))
        else:
            write_table(simulation, shown, sys.stdout, settings.docs)
    except BrokenPipeError:
        raise  # whoever read it has enough: an end of its own (cli.app)
    except OSError as error:
        raise stdout_lost(error) from error
    return 0


def _apart(work: Callable[[], _T]) -> _T:
    """Do some work in a thread of its own: a signal then ends the program at once, not inside of an event loop."""
    done: queue.SimpleQueue[tuple[_T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    while True:
        with suppress(queue.Empty):
            result, error = done.get(timeout=AWAKE)
            break
    if error is not None:
        raise error
    return cast("_T", result)


def _check_writable(html: Path) -> None:
    """Before minutes of simulation go into a page that cannot be written."""
    with suppress(FileNotFoundError, NotADirectoryError):
        html.stat()  # says what cannot be a file's name, and of links that go in circles
    folder = html.resolve().parent
    if html.is_dir():
        raise _unwritable(html, "it is a folder")
    if not folder.is_dir():
        raise _unwritable(html, "there is no such folder")
    if not os.access(html if _is_no_file(html) else folder, os.W_OK):
        raise _unwritable(html, "permission denied")


def _is_no_file(html: Path) -> bool:
    """A device or a pipe: it is written to, never replaced."""
    return html.exists() and not html.is_file()


def _unwritable(html: Path, why: str) -> UserError:
    return UserError(f"--html: cannot write {html}: {why}", "name a file in a folder that can be written to")


def _write_page(html: Path, title: str, told: Mapping[str, Any], shown: Sequence[Shown], paths: Sequence[str]) -> None:
    from cli.render.html.page import page

    text = page(
        {"question": title, **told},
        [one.result for one in shown],
        {one.result.algorithm: one.timeline for one in shown if one.timeline is not None},
        {one.result.algorithm: one.remark for one in shown if one.remark},
        "\n".join(line for one in shown for line in recommendation_lines(one.recommendation, paths)),
    )
    try:
        if _is_no_file(html):
            html.write_text(text, "utf-8")
        else:
            with atomic_write(html.resolve()) as file:  # what a link leads to, and the link stays
                file.write(text)
    except OSError as error:
        raise _unwritable(html, error.strerror or str(error)) from error


def _as_json(told: Mapping[str, Any], shown: Sequence[Shown]) -> dict[str, Any]:
    found = [one.recommendation for one in shown if one.recommendation is not None]
    return {
        "scenario": told,
        "results": [_figures(one.result) for one in shown],
        "recommendation": {
            "options": found[0].options,
            "makespan_s": round(found[0].after.makespan_s, 4),
            "throttle_rate": round(found[0].after.throttle_rate, 4),
        }
        if found
        else None,
    }


def _figures(result: Result) -> dict[str, Any]:
    named = {field.name: getattr(result, field.name) for field in fields(result)}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in named.items()}
