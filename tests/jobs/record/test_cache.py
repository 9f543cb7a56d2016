"""The cache returns whole answers or none, and never opens or unpickles a row."""

import pickle
import sqlite3
import stat

import pytest
from answers import answer

from jobs.record.cache import Cache

KEY = b"k" * 32


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def cache(directory):
    cache = Cache(directory)
    yield cache
    cache.close()


def change(directory, statement: str, *values: object) -> None:
    with sqlite3.connect(directory / "cache.db") as database:
        database.execute(statement, values)
    database.close()


def test_an_answer_is_returned_unchanged(cache, directory):
    kept = answer("Grüße, 世界")
    cache.keep(KEY, kept)
    assert cache.find([KEY, b"x" * 32]) == {KEY: kept}
    cache.close()
    again = Cache(directory)
    assert again.find([KEY]) == {KEY: kept}
    again.close()


def test_directory_and_files_are_private(cache, directory):
    cache.keep(KEY, answer())
    assert cache.stats()[0] == 1
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_large_answers_stay_inside_the_database(cache, directory):
    cache.keep(KEY, answer("long " * 200_000))
    assert cache.find([KEY])[KEY].text == "long " * 200_000
    assert all(path.name.startswith("cache.db") for path in directory.iterdir())


class Exploit:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('it was run')",))


def test_a_pickled_row_is_neither_unpickled_nor_returned(cache, directory):
    cache.keep(KEY, answer())
    assert cache.stats()[0] == 1
    change(directory, "UPDATE Cache SET mode = 4, value = ?", pickle.dumps(Exploit()))
    assert cache.find([KEY]) == {}


def test_a_file_named_by_a_row_is_neither_read_nor_removed(cache, directory, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    cache.keep(KEY, answer())
    assert cache.stats()[0] == 1
    change(directory, "UPDATE Cache SET mode = 3, filename = ?, value = NULL", str(secret))
    assert cache.find([KEY]) == {}
    assert secret.exists()


@pytest.mark.parametrize("damage", ["substr(value, 1, length(value) - 9)", "replace(value, 'answer', 'Answer')", "''"])
def test_a_damaged_value_counts_as_missing(cache, directory, damage):
    cache.keep(KEY, answer())
    assert cache.stats()[0] == 1
    change(directory, f"UPDATE Cache SET value = {damage}")
    assert cache.find([KEY]) == {}


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"garbage" * 999])
def test_a_broken_database_is_moved_aside_and_replaced(directory, content):
    first = Cache(directory)
    first.keep(KEY, answer())
    first.close()
    for leftover in directory.iterdir():
        leftover.unlink()
    (directory / "cache.db").write_bytes(content)
    second = Cache(directory)
    second.keep(KEY, answer())
    assert KEY in second.find([KEY])
    second.close()


def test_nothing_is_evicted_and_prune_removes_by_age(cache, directory):
    for n in range(20):
        cache.keep(bytes([n]) * 32, answer(f"answer {n}"))
    assert cache.stats()[0] == 20
    change(directory, "UPDATE Cache SET store_time = store_time - 1000 WHERE rowid <= 5")
    assert cache.prune(older_than=500) == 5
    assert cache.stats()[0] == 15
    assert cache.clear() == 15
