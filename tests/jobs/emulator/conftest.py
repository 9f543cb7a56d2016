"""No test reads the user's AWS configuration; emulators stop with their test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from emulator_fixtures import Running, running

from jobs.emulator.settings import EmulatorSettings


@pytest.fixture(autouse=True)
def _no_aws_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    for name in ("AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def emulate() -> Iterator[Callable[..., Running]]:
    """Starts an emulator with the given settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(EmulatorSettings(**settings)))
