"""Folders, permissions and parser processes for the tests of documents."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


@pytest.fixture
def as_nobody() -> Callable[[], AbstractContextManager[None]]:
    """Run a block as the user nobody if the tests run as root, to whom permissions do not apply."""

    @contextmanager
    def nobody() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return nobody


class Started(list[asyncio.subprocess.Process]):
    """The parser processes that were started, and their environments."""

    def __init__(self):
        super().__init__()
        self.environments = []


@pytest.fixture
def processes(monkeypatch):
    started = Started()
    start = asyncio.create_subprocess_exec

    async def recorded(*arguments, **options):
        process = await start(*arguments, **options)
        started.append(process)
        started.environments.append(options["env"])
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recorded)
    yield started
    assert all(process.returncode is not None for process in started), "a parser process was left running"
