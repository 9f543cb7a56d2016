"""The cache returns whole answers or none, and never opens or unpickles a row."""

import pickle
import sqlite3
import stat
import time
from pathlib import Path

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
    """Not when it is read, overwritten or deleted."""
    secret = tmp_path / "emptied" / "secret"
    secret.parent.mkdir()
    secret.write_text("secret")
    cache.keep(KEY, answer())
    assert cache.stats()[0] == 1
    name_file = "UPDATE Cache SET mode = 3, filename = ?, value = NULL, store_time = 0"
    change(directory, name_file, str(secret))
    assert cache.find([KEY]) == {}
    cache.keep(KEY, answer())
    assert cache.stats()[0] == 1
    change(directory, name_file, "../emptied/secret")
    assert cache.prune(older_than=500) == 1
    cache.keep(KEY, answer())
    assert cache.stats()[0] == 1
    change(directory, name_file, str(secret))
    assert cache.clear() == 1
    assert secret.read_text() == "secret"


def test_the_directory_is_the_one_that_was_named(tmp_path, monkeypatch):
    """The library expands `~` and `$VARIABLE` in its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OTHER", "other")
    Cache(Path("~/cache")).close()
    with pytest.raises(OSError, match=r"\$VARIABLE"):
        Cache(tmp_path / "$OTHER")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "~",
        "~/cache",
        "~/cache/cache.db",
    ]


HOSTILE = [
    ("sqlite_user_version = 7; --", 1),
    ("disk_directory", "/"),
    ("eviction_policy", "none; DROP TABLE Cache"),
    ("tag_index", 1),
    ("count", "many"),
    ("size", b"\0"),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE, ids=[key for key, _ in HOSTILE])
def test_settings_stored_in_the_database_have_no_effect(cache, directory, key, value):
    """The library takes statements, attributes and numbers from them."""
    cache.keep(KEY, answer())
    cache.close()
    change(directory, "INSERT OR REPLACE INTO Settings VALUES (?, ?)", key, value)
    again = Cache(directory)
    assert again.find([KEY]) == {KEY: answer()}
    assert sum(again.stats()) >= 0
    again.close()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE Cache RENAME COLUMN filename TO other",
        "ALTER TABLE Cache ADD COLUMN other",
        "CREATE TABLE other (x)",
        "CREATE TRIGGER other AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
    ],
)
def test_a_database_with_other_tables_is_moved_aside_and_nothing_else_is(cache, directory, statement):
    cache.keep(KEY, answer())
    cache.close()
    change(directory, statement)
    (directory / "mine.txt").write_text("mine")
    again = Cache(directory)
    again.keep(KEY, answer())
    assert KEY in again.find([KEY])
    assert again.set_aside is not None
    assert again.set_aside.parent == directory
    again.close()
    assert (directory / "mine.txt").read_text() == "mine"
    assert again.set_aside.stat().st_size > 0


def test_the_database_of_another_program_is_refused_and_left_alone(directory):
    directory.mkdir()
    change(directory, "CREATE TABLE bookmarks (url)")
    before = (directory / "cache.db").read_bytes()
    with pytest.raises(OSError, match="belongs to another program"):
        Cache(directory)
    assert (directory / "cache.db").read_bytes() == before


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


@pytest.mark.parametrize("name", ["get", "transact"])
def test_an_error_of_the_disk_turns_it_off_and_is_kept_for_a_message(cache, monkeypatch, name):
    cache.keep(KEY, answer())

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(cache._cache, name, fail)
    assert cache.find([KEY]) == {}
    assert cache.failure == "disk I/O error"
    monkeypatch.undo()
    cache.keep(KEY, answer())
    assert cache.find([KEY]) == {}


def test_an_error_while_it_tells_the_age_of_an_entry_turns_it_off(cache, monkeypatch):
    cache.keep(KEY, answer())
    assert cache.find([KEY])
    assert cache.stored_at(KEY) == pytest.approx(time.time(), abs=60)

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(type(cache._cache), "_sql", property(lambda _: fail))
    assert cache.stored_at(KEY) is None
    assert cache.failure == "disk I/O error"
    monkeypatch.undo()
