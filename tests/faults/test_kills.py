"""kill -9 at random points: no answer is lost, nothing is paid for twice unreported, the results are the same."""

import contextlib
import random
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_runs import FULL, audit, comparable, journal, size
from running import EmulatorProcess, Workplace, emulator

if TYPE_CHECKING:
    import subprocess

CAMPAIGNS = 4
KILLS = size(120, 1000) // CAMPAIGNS
PER_KILL = 40
"""Sections for each kill."""
BETWEEN = "between intent and answer"

WITHOUT_INTENT = """
from jobs.record.journal import Journal
insert, close = Journal.open_attempt, Journal.close_attempt
opened = {}
def open_attempt(self, *args):
    opened[len(opened) + 1] = args
    return len(opened)
def close_attempt(self, attempt, *args, **kwargs):
    return close(self, insert(self, *opened[attempt]), *args, **kwargs)
Journal.open_attempt, Journal.close_attempt = open_attempt, close_attempt
"""
"""An attempt gets into the journal with its answer."""


class Campaign:
    """Runs in one output directory that are killed one after the other."""

    def __init__(self, folder: Path, bedrock: EmulatorProcess, seed: int, kills: int, preparation: str = "") -> None:
        self.place, self.bedrock, self.kills, self.preparation = (
            Workplace(folder, bedrock.url),
            bedrock,
            kills,
            preparation,
        )
        self.sections = kills * PER_KILL
        for start in range(0, self.sections, 200):
            self.place.sections(min(200, self.sections - start), f"{start}.md", start)
        self.random = random.Random(seed)
        self.fell: Counter[str] = Counter()
        """Where the kills fell."""

    def run(self) -> None:
        for _ in range(self.kills):
            self._kill()
        again = self.place.run("--concurrency", "64", "--no-cache")
        assert again.returncode == 0, again.stderr

    def _kill(self) -> None:
        before = self.bedrock.stats()["calls"]
        running = self.place.start_prepared(
            self.preparation, "--concurrency", str(self.random.choice((8, 16, 32))), "--no-cache"
        )
        if self.random.random() < 0.2:
            delay = self.random.uniform(0.0, 1.5)  # while it starts
        else:
            calls = before + self.random.randrange(1, PER_KILL)
            while self.bedrock.stats()["calls"] < calls and running.poll() is None:
                time.sleep(0.02)
            delay = self.random.uniform(0.0, 0.03)
        time.sleep(delay)  # a random point
        self.fell["after its end" if running.poll() is not None else self._point(running)] += 1
        running.communicate()

    def _point(self, running: "subprocess.Popen[str]") -> str:
        running.kill()
        running.wait()
        with contextlib.closing(journal(self.place.out)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'attempts'").fetchone():
                return "before the journal"
            (opened,) = db.execute("SELECT count(*) FROM attempts WHERE outcome IS NULL").fetchone()
            return BETWEEN if opened else "with no call in flight"


@pytest.mark.timeout(3600 if FULL else 600)
@pytest.mark.parametrize("seed", range(CAMPAIGNS))
def test_after_kills_at_random_points_nothing_is_lost_and_the_results_are_the_same(tmp_path, seed):
    with emulator(latency=0.05, jitter=0.5, seed=seed) as bedrock:
        campaign = Campaign(tmp_path, bedrock, seed, KILLS)
        campaign.run()
        place = campaign.place
        audit(place, bedrock, campaign.sections)
        paid, unknown = len(bedrock.ledger()) - campaign.sections, place.summary()["maybe_paid_twice"]
        print(f"kills: {dict(campaign.fell)}; paid for twice: {paid}, reported: {unknown}")
        assert campaign.fell[BETWEEN] >= 0.3 * KILLS
        undisturbed = place.run("--concurrency", "64", "--no-cache", output="undisturbed")
        assert undisturbed.returncode == 0, undisturbed.stderr
        assert comparable(place.results()) == comparable(place.results("undisturbed"))


@pytest.mark.timeout(600)
def test_without_an_intent_calls_are_missing_from_the_journal(tmp_path):
    with emulator(latency=0.05) as bedrock:
        campaign = Campaign(tmp_path, bedrock, 1, 3, WITHOUT_INTENT)
        campaign.run()
        with pytest.raises(AssertionError):
            audit(campaign.place, bedrock, campaign.sections)
