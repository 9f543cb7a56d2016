"""Fixtures of whole runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import EmulatorProcess, Workplace, emulator


@pytest.fixture
def bedrock() -> Iterator[EmulatorProcess]:
    with emulator() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, bedrock: EmulatorProcess) -> Workplace:
    return Workplace(tmp_path, bedrock.url)
