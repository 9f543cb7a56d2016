"""`bedrock-batch cache`."""

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


def keys(directory) -> set[bytes]:
    cache = Cache(directory)
    found = {*cache.find([OLD, NEW])}
    cache.close()
    return found


def test_stats_counts(shell, full):
    code, out, err = shell("cache", "stats", "--cache-dir", "cache")
    assert (code, err) == (0, "")
    assert out.startswith("2 answers, 0.")
    assert keys(full) == {OLD, NEW}


def test_clear_deletes_all(shell, full):
    assert shell("cache", "clear", "--yes", "--cache-dir", "cache") == (0, "2 answers deleted from cache\n", "")
    assert keys(full) == set()


def test_prune_deletes_what_is_older_than_thirty_days_or_the_given_age(shell, full):
    prune = ("cache", "prune", "-y", "--cache-dir", "cache")
    assert shell(*prune, "--older-than", "50d").out == "0 answers deleted from cache\n"
    assert shell(*prune) == (0, "1 answers deleted from cache\n", "")
    assert keys(full) == {NEW}
    assert shell(*prune, "--older-than", "0s").out == "1 answers deleted from cache\n"


@pytest.mark.parametrize("number", ["3", "1.5", "0"])
def test_an_age_without_a_unit_is_an_error_that_names_two(shell, full, number):
    err = shell.refused("cache", "prune", "--yes", "--cache-dir", "cache", "--older-than", number)
    assert f"--older-than: '{number}' has no unit; write {number}d or {number}h" in err
    assert keys(full) == {OLD, NEW}


class TestConfirmation:
    """Without --yes, clear and prune say what they will delete and ask."""

    @pytest.mark.parametrize(("action", "count", "left"), [("clear", "2 of 2", set()), ("prune", "1 of 2", {NEW})])
    def test_yes_deletes(self, shell, full, action, count, left):
        shell.type("y\n")
        code, out, err = shell("cache", action, "--cache-dir", "cache")
        assert (code, err) == (0, f"delete {count} answers from cache? [y/N] ")
        assert out.endswith("answers deleted from cache\n")
        assert keys(full) == left

    @pytest.mark.parametrize("answer", ["n\n", "\n", ""])
    def test_anything_else_deletes_nothing(self, shell, full, answer):
        shell.type(answer)
        code, out, err = shell("cache", "clear", "--cache-dir", "cache")
        assert (code, out) == (2, "")
        assert err.endswith("nothing was deleted\n")
        assert keys(full) == {OLD, NEW}

    def test_without_a_terminal_it_deletes_nothing_and_names_yes(self, shell, full):
        shell.type("y\n", terminal=False)
        err = shell.refused("cache", "clear", "--cache-dir", "cache")
        assert "this would delete 2 of 2 answers from cache; nothing was deleted\nhint: use --yes" in err
        assert keys(full) == {OLD, NEW}

    def test_where_nothing_would_be_deleted_it_does_not_ask(self, shell, full):
        shell.type("", terminal=False)
        result = shell("cache", "prune", "--cache-dir", "cache", "--older-than", "50d")
        assert result == (0, "0 answers deleted from cache\n", "")


def test_a_missing_cache_is_no_error_and_is_not_created(shell, tmp_path):
    assert shell("cache", "stats", "--cache-dir", "none") == (0, "no cache at none\n", "")
    assert not (tmp_path / "none").exists()


def test_a_cache_that_cannot_be_used_is_a_storage_error(shell, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = shell("cache", "stats", "--cache-dir", "file")
    assert (code, out) == (13, "")
    assert err.startswith("bedrock-batch: error: the cache file cannot be used: ")
    assert err.endswith("hint: name another --cache-dir\n")


def test_its_directory_can_come_from_a_settings_file_that_is_named(shell, full, tmp_path, monkeypatch):
    (tmp_path / "bedrock-batch.toml").write_text('[cache]\ncache-dir = "cache"\n')
    assert shell("cache", "stats", "--config", "bedrock-batch.toml").out.startswith("2 answers")
    monkeypatch.setenv("BEDROCK_BATCH_CACHE_CACHE_DIR", "elsewhere")
    assert shell("cache", "stats").out == "no cache at elsewhere\n"
