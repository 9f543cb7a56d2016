"""An emulator in its own thread, for blocking clients."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from jobs.emulator.ledger import LedgerEntry
from jobs.emulator.server import Emulator
from jobs.emulator.settings import EmulatorSettings

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-lite-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ONE_POST = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=5)


@dataclass
class Running:
    """A listening emulator."""

    emulator: Emulator
    url: str
    clients: list[Any] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def entries(self) -> list[LedgerEntry]:
        return self.emulator.ledger.entries

    def client(self, secret: str = "secret", key: str = "AKIDEXAMPLE", **arguments: Any) -> Any:
        """A default boto3 client, except that it makes exactly one POST for each call."""
        session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
        self.clients.append(session.client("bedrock-runtime", endpoint_url=self.url, config=ONE_POST, **arguments))
        return self.clients[-1]

    def http(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Send one request; return its status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def running(settings: EmulatorSettings) -> Iterator[Running]:
    """Run an emulator within the block."""
    instances: list[Running] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        emulator = Emulator(settings)
        instances.append(Running(emulator, await emulator.start()))
        ready.set()
        await done.wait()
        await emulator.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield instances[0]
    finally:
        for client in instances[0].clients:
            client.close()
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()


def ask(text: str, **inference: Any) -> dict[str, Any]:
    """The arguments of Converse for one user message."""
    request: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": text}]}]}
    return request | ({"inferenceConfig": inference} if inference else {})


def ledger(running: Running) -> list[dict]:
    status, body = running.http("GET", "/_emulator/ledger")
    assert status == 200
    return [json.loads(line) for line in body.splitlines()]
