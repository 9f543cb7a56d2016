"""Opening listed files."""

import os

import pytest

from jobs.documents.document import UnreadableError
from jobs.documents.opening import load


def loaded(path, limit=100, *, follow=False):
    return load(str(path), max_file_size=limit, follow_symlinks=follow)


def test_a_file_is_read_as_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\xffx" * 30)
    assert loaded(tmp_path / "a") == b"\0\xffx" * 30


def test_a_deleted_file_is_unreadable(tmp_path):
    with pytest.raises(UnreadableError, match="disappeared after it was listed; run again"):
        loaded(tmp_path / "gone.md")
    (tmp_path / "a").touch()
    with pytest.raises(UnreadableError, match="disappeared"):
        loaded(tmp_path / "a/b.md")


def test_a_file_replaced_by_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "a.md").symlink_to("secret")
    with pytest.raises(UnreadableError, match="became a symbolic link"):
        loaded(tmp_path / "a.md")
    assert loaded(tmp_path / "a.md", follow=True) == b"secret"


def test_a_file_replaced_by_a_named_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.md")
    with pytest.raises(UnreadableError, match="no longer a regular file"):
        loaded(tmp_path / "a.md")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "/proc"])
def test_devices_and_folders_are_unreadable(path):
    with pytest.raises(UnreadableError):
        loaded(path)


def test_a_file_above_the_limit_is_unreadable(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 101)
    with pytest.raises(UnreadableError, match="101 bytes and the limit is 100; --max-file-size raises it"):
        loaded(tmp_path / "a")


def test_a_file_of_unknown_size_is_read_up_to_the_limit():
    with pytest.raises(UnreadableError, match="limit is 3"):
        loaded("/proc/self/status", 3)


def test_a_file_without_permission_is_unreadable(open_folder, as_nobody):
    path = open_folder / "a.md"
    path.write_text("x")
    path.chmod(0)
    with as_nobody(), pytest.raises(UnreadableError, match="permission denied; make it readable, or exclude it"):
        loaded(path)
