"""A run needs room for the calls in flight, and a reserve."""

from types import SimpleNamespace

import pytest

from jobs.errors import StorageError
from jobs.record.free_space import RESERVE, check_free_space, needed_space


def disk(monkeypatch: pytest.MonkeyPatch, free: int, blocks: int = 1000) -> None:
    found = SimpleNamespace(f_bavail=free, f_frsize=1, f_blocks=blocks)
    monkeypatch.setattr("os.statvfs", lambda _: found)


def test_what_is_needed_grows_with_the_calls_in_flight_and_their_longest_answer():
    assert needed_space(0, 1000) == RESERVE
    assert needed_space(64, 1000) - RESERVE == 64 * (8192 + 8000)


def test_a_disk_with_too_little_room_is_an_error_that_says_how_much(monkeypatch, tmp_path):
    disk(monkeypatch, 10_000_000)
    check_free_space(tmp_path, 10_000_000)
    with pytest.raises(StorageError, match=r"10\.0 MB are free, 20\.0 MB are needed") as caught:
        check_free_space(tmp_path, 20_000_000)
    assert "free some space" in caught.value.hint


def test_a_file_system_that_counts_no_blocks_has_room(monkeypatch, tmp_path):
    disk(monkeypatch, 0, blocks=0)
    check_free_space(tmp_path, 20_000_000)


def test_a_directory_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(StorageError, match="was deleted or renamed"):
        check_free_space(tmp_path / "gone", 0)
