"""The file of learned quotas."""

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from jobs.errors import StorageError
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.learned import Learned, Remembered

NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
MINE = QuotaScope("aws", "0f3a", "eu-central-1", "eu.anthropic.claude")
BUCKET = Learned(Kind.BUCKET, 598.25, 1.0)
WINDOW = Learned(Kind.FIXED, 600_000.0, 2350.5)


@pytest.fixture
def memory(tmp_path):
    return QuotaMemory(tmp_path / "state" / "quotas.json")


def test_a_learned_quota_is_recalled_with_its_age(memory):
    assert memory.recall(MINE, NOW) == {}
    memory.remember(MINE, {"requests": BUCKET, "tokens": WINDOW}, NOW)
    assert memory.recall(MINE, NOW + timedelta(days=1)) == {
        "requests": Remembered(BUCKET, 86_400.0, 86_400.0),
        "tokens": Remembered(WINDOW, 86_400.0, 86_400.0),
    }


@pytest.mark.parametrize("field", ["endpoint", "account", "region", "model"])
def test_quotas_of_another_scope_are_not_recalled(memory, field):
    memory.remember(MINE, {"requests": BUCKET}, NOW)
    values = {name: getattr(MINE, name) for name in ("endpoint", "account", "region", "model")}
    assert memory.recall(QuotaScope(**values | {field: "another"}), NOW) == {}


def test_a_quota_is_replaced_and_others_stay(memory):
    other = QuotaScope("aws", "0f3a", "us-east-1", "amazon.nova")
    memory.remember(other, {"requests": BUCKET}, NOW)
    memory.remember(MINE, {"requests": BUCKET, "tokens": WINDOW}, NOW)
    later = NOW + timedelta(hours=1)
    memory.remember(MINE, {"tokens": BUCKET}, later)
    assert memory.recall(MINE, later) == {
        "requests": Remembered(BUCKET, 3600.0, 3600.0),
        "tokens": Remembered(BUCKET, 0.0, 0.0),
    }
    assert memory.recall(other, later) == {"requests": Remembered(BUCKET, 3600.0, 3600.0)}
    assert len(json.loads(memory.path.read_text())["quotas"]) == 3


def test_using_a_quota_keeps_its_learned_date(memory):
    memory.remember(MINE, {"requests": BUCKET, "tokens": WINDOW}, NOW)
    hour, day = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    memory.remember(MINE, {"tokens": BUCKET}, hour, used={"requests", "tokens"})
    assert memory.recall(MINE, day) == {
        "requests": Remembered(BUCKET, 86_400.0, 82_800.0),
        "tokens": Remembered(BUCKET, 82_800.0, 82_800.0),
    }


def test_expired_quotas_are_dropped_on_a_write(memory):
    memory.remember(MINE, {"requests": BUCKET}, NOW)
    memory.remember(MINE, {"tokens": WINDOW}, NOW + timedelta(days=31))
    assert [entry["quota"] for entry in json.loads(memory.path.read_text())["quotas"]] == ["tokens"]


def test_a_clock_set_back_makes_the_age_zero(memory):
    memory.remember(MINE, {"requests": BUCKET}, NOW)
    assert memory.recall(MINE, NOW - timedelta(days=1)) == {"requests": Remembered(BUCKET, 0.0, 0.0)}


def test_the_file_is_private_and_describes_itself(memory):
    memory.remember(MINE, {"requests": BUCKET}, NOW)
    assert stat.S_IMODE(memory.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(memory.path.parent.stat().st_mode) == 0o700
    written = json.loads(memory.path.read_text())
    assert "You may delete this file" in written["about"]
    assert written["quotas"][0]["learned_at"] == "2026-11-24T02:30:00+00:00"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"x"', b"\xff\xfe", b'{"quotas": 3}', b"[" * 100_000])
def test_a_broken_file_is_an_error_that_names_it_and_is_replaced(memory, content):
    memory.path.parent.mkdir()
    memory.path.write_bytes(content)
    with pytest.raises(StorageError, match=str(memory.path)):
        memory.recall(MINE, NOW)
    memory.remember(MINE, {"requests": BUCKET}, NOW)
    assert memory.recall(MINE, NOW) == {"requests": Remembered(BUCKET, 0.0, 0.0)}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"}, {"kind": None}, {"per_minute": -1}, {"per_minute": 0}, {"per_minute": "x"},
        {"per_minute": 1e999}, {"mean_cost": None}, {"mean_cost": 0}, {"quota": []}, {"learned_at": "yesterday"},
        {"learned_at": "2026-11-24T02:30:00"}, {"learned_at": 5}, {"used_at": None}, {"used_at": "2026-11-24T02:30:00"},
    ],
)  # fmt: skip
def test_an_invalid_entry_is_ignored_and_others_stay(memory, change):
    memory.remember(MINE, {"requests": BUCKET, "tokens": WINDOW}, NOW)
    written = json.loads(memory.path.read_text())
    written["quotas"][0] |= change
    written["quotas"].append("no entry")
    memory.path.write_text(json.dumps(written))
    assert memory.recall(MINE, NOW) == {"tokens": Remembered(WINDOW, 0.0, 0.0)}
    memory.remember(MINE, {}, NOW)
    assert len(json.loads(memory.path.read_text())["quotas"]) == 1


def test_a_directory_that_cannot_be_created_is_an_oserror(tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(OSError, match="state"):
        QuotaMemory(tmp_path / "state" / "quotas.json").remember(MINE, {"requests": BUCKET}, NOW)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.learned import Learned, Remembered
for n in range(10):
    scope = QuotaScope("aws", "a", "r", f"{sys.argv[2]}-{n}")
    QuotaMemory(Path(sys.argv[1])).remember(scope, {"requests": Learned(Kind.BUCKET, 60.0, 1.0)}, datetime.now(UTC))
"""


def test_concurrent_writers_keep_each_others_entries(memory):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, memory.path, str(n)]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(json.loads(memory.path.read_text())["quotas"]) == 30
