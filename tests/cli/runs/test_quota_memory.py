"""A run starts from the quota that an earlier run learned."""

from datetime import UTC, datetime, timedelta

import pytest
from running import MODEL, Workplace, emulator

from jobs.bedrock.account import account_mark
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from ratelimit.discovery.knowledge import Kind
from ratelimit.discovery.learned import Learned

AUTO = ("--rpm", "auto", "--no-cache")


def memory(work: Workplace) -> QuotaMemory:
    """In the state directory of that home: Linux's, or that of an earlier run."""
    work.environment["XDG_STATE_HOME"] = str(work.folder / "state")
    found = list(work.folder.rglob("quotas.json"))
    return QuotaMemory(found[0] if found else work.folder / "state" / "bedrock-batch" / "quotas.json")


@pytest.mark.skipif("sys.platform == 'darwin'", reason="the state directory follows no variable there")
def test_a_run_starts_from_the_learned_quota_and_saves_its_own(tmp_path):
    with emulator(rpm=3000.0) as server:
        work = Workplace(tmp_path, server.url)
        work.sections(400)
        scope, now = QuotaScope(server.url, account_mark("AKIDEXAMPLE"), "us-east-1", MODEL), datetime.now(UTC)
        yesterday = now - timedelta(days=1)
        memory(work).remember(scope, {"requests": Learned(Kind.BUCKET, 12_000.0, 1.0)}, yesterday)
        run = work.run(*AUTO)
        assert run.returncode == 0, run.stderr
        quota = "note: request quota: "
        assert f"{quota}token bucket, refills 12,000 a minute, learned 1 day ago" in run.stderr
        assert f"{quota}fell to " in run.stderr
        summary = work.summary()
        assert (summary["quota"]["source"], summary["quota"]["rpm_kind"]) == ("learned", "bucket")
        assert summary["quota"]["rpm"] == pytest.approx(3000, rel=0.15)
        assert 0.5 < summary["utilisation"] <= 1.0
        found = memory(work).recall(scope, datetime.now(UTC))["requests"]
        assert found.learned.per_minute == pytest.approx(3000, rel=0.15)
        assert found.age < 60


@pytest.mark.skipif("sys.platform == 'darwin'", reason="the state directory follows no variable there")
def test_a_damaged_file_of_learned_quotas_is_reported_and_ignored(tmp_path):
    with emulator() as server:
        work = Workplace(tmp_path, server.url)
        work.sections(3)
        path = memory(work).path
        path.parent.mkdir(parents=True)
        path.write_text("{ this is not JSON")
        run = work.run(*AUTO)
        assert run.returncode == 0
        assert f"the learned quotas cannot be read from {path}: it is not JSON" in run.stderr


def test_nothing_is_saved_for_the_built_in_emulator(tmp_path):
    work = Workplace(tmp_path)
    work.sections(30)
    assert work.run("--emulate", *AUTO).returncode == 0
    assert not memory(work).path.exists()
