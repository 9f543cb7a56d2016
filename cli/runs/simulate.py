"""One run of `simulate`: simulates the algorithms and prints the table, the JSON or the HTML page."""

import json as json_format
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from cli.config.simulate_settings import Origin, SimulateSettings, build_experiment, describe
from cli.errors import UserError
from cli.render.progress.simulate import SimulateDisplay
from cli.render.simulate_table import recommendation_lines, write_table
from cli.wiring import simulated_gate
from jobs.atomic_file import atomic_write
from jobs.simulation.comparison import ALGORITHMS, Trial, compare
from jobs.simulation.result import Result

_T = TypeVar("_T")

WAIT_SLICE = 0.2
"""Seconds. The main thread waits in slices: a signal just before a wait would otherwise be handled only after it."""


def simulate(
    settings: SimulateSettings,
    algorithms: Sequence[str],
    *,
    origin: Origin,
    title: str = "",
    json: bool = False,
    html: Path | None = None,
) -> int:
    """Run the algorithms (empty: all) and print the results; returns the exit code."""
    if html is not None:
        try:
            _check_writable(html)
        except OSError as error:
            raise _unwritable(html, error.strerror or str(error)) from error
    experiment = _run_in_thread(lambda: build_experiment(settings, origin))
    names = tuple(dict.fromkeys(algorithms)) or ALGORITHMS
    with SimulateDisplay(names, experiment, sys.stderr) as display:
        trials = _run_in_thread(
            lambda: list(
                compare(experiment, names, simulated_gate, timelines=html is not None, on_start=display.on_start)
            )
        )
    scenario = describe(settings, experiment)
    if html is not None:
        _write_page(html, title, scenario, trials, settings.docs)
    if json:
        print(json_format.dumps(_as_json(scenario, trials)))
    else:
        write_table(experiment, trials, sys.stdout, settings.docs)
    return 0


def _run_in_thread(work: Callable[[], _T]) -> _T:
    """Call `work` in a thread, so that a signal ends the program at once and not inside an event loop."""
    outcome: Future[_T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 (raised again in the main thread)
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    while not outcome.done():
        wait([outcome], WAIT_SLICE)
    return outcome.result()


def _check_writable(html: Path) -> None:
    """Fail before the simulation, not after minutes of it."""
    with suppress(FileNotFoundError, NotADirectoryError):
        html.stat()  # raises for impossible names and symbolic link loops
    folder = html.resolve().parent
    if html.is_dir():
        raise _unwritable(html, "it is a folder")
    if not folder.is_dir():
        raise _unwritable(html, "no such folder")
    if not os.access(html if _is_special(html) else folder, os.W_OK):
        raise _unwritable(html, "permission denied")


def _is_special(html: Path) -> bool:
    return html.exists() and not html.is_file()  # a device or pipe: written to, never replaced


def _unwritable(html: Path, reason: str) -> UserError:
    return UserError(f"--html: cannot write {html}: {reason}", "name a file in a writable folder")


def _write_page(
    html: Path, title: str, scenario: Mapping[str, Any], trials: Sequence[Trial], docs: Sequence[str]
) -> None:
    from cli.render.html.page import page

    recommendation = [line for trial in trials for line in recommendation_lines(trial.recommendation, docs)]
    text = page(scenario, trials, recommendation, title)
    try:
        if _is_special(html):
            html.write_text(text, "utf-8")
        else:
            with atomic_write(html.resolve()) as file:  # replaces the target of a symbolic link, not the link
                file.write(text)
    except OSError as error:
        raise _unwritable(html, error.strerror or str(error)) from error


def _as_json(scenario: Mapping[str, Any], trials: Sequence[Trial]) -> dict[str, Any]:
    recommendation = next((trial.recommendation for trial in trials if trial.recommendation is not None), None)
    return {
        "scenario": scenario,
        "results": [_figures(trial.result) for trial in trials],
        "recommendation": recommendation
        and {
            "options": recommendation.options,
            "makespan_s": round(recommendation.after.makespan_s, 4),
            "throttle_rate": round(recommendation.after.throttle_rate, 4),
        },
    }


def _figures(result: Result) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(result).items()}
