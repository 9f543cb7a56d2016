"""The cache as a command."""

import sqlite3

import pytest
from answers import answer

from jobs.record.cache import Cache

OLD, NEW = b"o" * 32, b"n" * 32
DAY = 86400


@pytest.fixture
def full(tmp_path):
    """A cache with an answer of forty days ago and one of today."""
    cache = Cache(tmp_path / "cache")
    cache.keep(OLD, answer("old"))
    cache.keep(NEW, answer("new"))
    cache.close()
    with sqlite3.connect(tmp_path / "cache/cache.db") as database:
        database.execute("UPDATE Cache SET store_time = store_time - ? WHERE key = ?", (40 * DAY, OLD.hex()))
    database.close()
    return tmp_path / "cache"


def left(directory) -> set[bytes]:
    cache = Cache(directory)
    found = {*cache.find([OLD, NEW])}
    cache.close()
    return found


def test_stats_counts(shell, full):
    code, out, err = shell("cache", "stats", "--cache-dir", "cache")
    assert (code, err) == (0, "")
    assert out.startswith("2 answers, 0.")
    assert left(full) == {OLD, NEW}


def test_clear_removes_all(shell, full):
    assert shell("cache", "clear", "--cache-dir", "cache") == (0, "2 answers removed from cache\n", "")
    assert left(full) == set()


def test_prune_removes_what_is_older_than_thirty_days_or_than_is_said(shell, full):
    assert (
        shell("cache", "prune", "--cache-dir", "cache", "--older-than", "50d").out == "0 answers removed from cache\n"
    )
    assert shell("cache", "prune", "--cache-dir", "cache") == (0, "1 answers removed from cache\n", "")
    assert left(full) == {NEW}
    assert shell("cache", "prune", "--cache-dir", "cache", "--older-than", "0").out == "1 answers removed from cache\n"


def test_none_there_is_no_error_and_none_is_made(shell, tmp_path):
    assert shell("cache", "stats", "--cache-dir", "none") == (0, "no cache at none\n", "")
    assert not (tmp_path / "none").exists()


def test_one_that_cannot_be_used_is_an_error_of_storage(shell, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = shell("cache", "stats", "--cache-dir", "file")
    assert (code, out) == (13, "")
    assert err.startswith("bedrock-batch: error: the cache file cannot be used: ")
    assert err.endswith("hint: name another --cache-dir\n")


def test_its_directory_can_be_told_by_the_settings(shell, full, tmp_path, monkeypatch):
    (tmp_path / "bedrock-batch.toml").write_text('[cache]\ncache-dir = "cache"\n')
    assert shell("cache", "stats").out.startswith("2 answers")
    monkeypatch.setenv("BEDROCK_BATCH_CACHE_CACHE_DIR", "elsewhere")
    assert shell("cache", "stats").out == "no cache at elsewhere\n"
