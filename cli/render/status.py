"""What `status` prints: plain lines that a person reads and a terminal cannot be hurt by."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.render.numbers import count, counted, money
from cli.render.text import safe

RUNS = 5
"""Runs that are shown, the latest; --json has all."""
PROMPT = 100
"""Cells of a prompt or a message."""


def status_lines(status: Mapping[str, Any], directory: str) -> Iterator[str]:
    """The object of jobs.record.overview as lines."""
    state = f"a run is writing ({status['running']})" if status["running"] else "no run is writing"
    yield safe(f"{directory}: {state}")
    if status["open_attempts"] and not status["running"]:
        yield f"calls that a killed run left open, which may have been paid for: {count(status['open_attempts'])}"
    for spool in status["spools"]:
        yield safe(f"answers of a run whose journal failed are in {spool}; the next run reads them")
    for analysis in status["analyses"]:
        yield ""
        yield from _analysis(analysis)
    yield ""
    for run in status["runs"][:RUNS]:
        yield _run(run)
    if len(status["runs"]) > RUNS:
        yield f"and {count(len(status['runs']) - RUNS)} earlier runs (--json has them)"
    yield ""
    yield f"total     {_spend(status['total'])}"
    twice = status["maybe_paid_twice"]
    if twice["calls"]:
        most = "" if twice["most_usd"] is None else f", for {money(twice['most_usd'])} at most"
        yield f"          {counted(twice['calls'], 'call')} may have been paid twice{most}"


def _analysis(analysis: Mapping[str, Any]) -> Iterator[str]:
    question = analysis["question"]
    yield safe(f"analysis {analysis['name']}{' (in results.jsonl)' if analysis['in_results'] else ''}")
    yield safe(f"  model      {question['model']} at {question['endpoint']}")
    if question.get("prompt"):
        yield f"  prompt     {safe(question['prompt'], width=PROMPT)}"
    yield f"  documents  {_by_status(analysis['documents'])}"
    yield f"  sections   {count(analysis['sections'])}"
    yield f"  units      {_by_status(analysis['units'])}"
    yield f"  spend      {_spend(analysis)}"
    for failure in analysis["failures"]:
        reason = ": ".join(part for part in (failure["code"], failure["message"]) if part)
        yield f"  {failure['status']:<10} {count(failure['count'])}  {safe(reason, width=PROMPT)}"
        if failure["document"]:
            place = " > ".join((failure["document"], *failure["heading"]))
            yield f"             for example {safe(place, width=PROMPT)}"


def _by_status(counts: Mapping[str, int]) -> str:
    parts = [f"{name} {count(number)}" for name, number in counts.items()]
    return "  ".join([count(sum(counts.values())), *parts])


def _spend(spend: Mapping[str, Any]) -> str:
    cost = "unknown price" if spend["cost_usd"] is None else f"{money(spend['cost_usd'])} at list price"
    tokens = f"{count(spend['input_tokens'])} tokens in  {count(spend['output_tokens'])} out"
    return f"{counted(spend['calls'], 'call')}  {tokens}  {cost}"


def _run(run: Mapping[str, Any]) -> str:
    if run["ended_at"] is None:
        end = "running, or ended before its results were written"
    else:
        end = f"exit code {run['exit_code']}  {counted(run['calls'] or 0, 'call')}"
    return safe(f"run {run['run_id']}  {run['started_at']}  {run['analysis']}  {end}")
