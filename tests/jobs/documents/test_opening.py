import os

import pytest

from jobs.documents.document import UnreadableError
from jobs.documents.opening import load


def loaded(path, limit=100, *, follow=False):
    return load(str(path), max_file_size=limit, follow_symlinks=follow)


def test_the_bytes_of_a_file_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\xffx" * 30)
    assert loaded(tmp_path / "a") == b"\0\xffx" * 30


def test_a_file_that_vanished_says_so(tmp_path):
    with pytest.raises(UnreadableError, match="vanished after it was listed; run again"):
        loaded(tmp_path / "gone.md")
    (tmp_path / "a").touch()
    with pytest.raises(UnreadableError, match="vanished"):
        loaded(tmp_path / "a/b.md")


def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "a.md").symlink_to("secret")
    with pytest.raises(UnreadableError, match="became a symbolic link"):
        loaded(tmp_path / "a.md")
    assert loaded(tmp_path / "a.md", follow=True) == b"secret"


def test_a_named_pipe_in_its_place_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.md")
    with pytest.raises(UnreadableError, match="no longer a regular file"):
        loaded(tmp_path / "a.md")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", "/proc"])
def test_devices_and_folders_in_its_place_are_refused(path):
    with pytest.raises(UnreadableError):
        loaded(path)


def test_a_file_that_is_larger_by_now_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 101)
    with pytest.raises(UnreadableError, match="101 bytes and the limit is 100; --max-file-size raises it"):
        loaded(tmp_path / "a")


def test_a_file_whose_size_is_not_told_is_read_no_further_than_the_limit():
    with pytest.raises(UnreadableError, match="limit is 3"):
        loaded("/proc/self/status", 3)


def test_a_file_without_permission_says_so(open_folder, as_nobody):
    path = open_folder / "a.md"
    path.write_text("x")
    path.chmod(0)
    with as_nobody(), pytest.raises(UnreadableError, match="permission denied; make it readable, or exclude it"):
        loaded(path)
