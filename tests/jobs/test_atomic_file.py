"""Files are replaced as a whole or not at all."""

import os
import stat
from contextlib import suppress

import pytest

from jobs.atomic_file import atomic_write


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_a_new_file_gets_the_umask_and_an_existing_one_keeps_its_mode(tmp_path):
    path = tmp_path / "page.html"
    with atomic_write(path) as file:
        file.write("first")
    assert mode_of(path) == 0o644
    path.chmod(0o600)
    with atomic_write(path) as file:
        file.write("second")
    assert (path.read_text(), mode_of(path)) == ("second", 0o600)


@pytest.mark.usefixtures("umask")
def test_a_private_file_is_private_from_the_first_byte(tmp_path):
    path = tmp_path / "page.html"
    path.touch(0o600)
    with atomic_write(path) as file:
        assert [mode_of(entry) for entry in tmp_path.iterdir()] == [0o600, 0o600]
        file.write("second")


def test_an_exception_leaves_the_file_unchanged(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("first")
    with suppress(ZeroDivisionError), atomic_write(path) as file:
        file.write("half of the seco")
        file.flush()
        raise ZeroDivisionError
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]  # a full disk needs the space
