"""The emulator as a command."""

import json
import os
import signal
import socket
import subprocess
import urllib.request

import pytest
from running import COMMAND, MODEL, PATIENCE

from cli.commands.emulate import parse_fault
from jobs.emulator.faults import Fault


@pytest.fixture
def start(tmp_path):
    """Starts the command; ended, at the latest, when the test is."""
    started = []

    def begin(*options, **environment):
        process = subprocess.Popen(
            [COMMAND, "emulate", *options],
            cwd=tmp_path, env={"PATH": os.defpath, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE)


def ask(url: str) -> tuple[int, dict]:
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}).encode()
    request = urllib.request.Request(
        f"{url}/model/{MODEL.replace(':', '%3A')}/converse",
        body,
        {"Content-Type": "application/json", "Authorization": "Bearer of tidings"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_exits_with_128_plus_its_number(start, number):
    process = start("--port", "0")
    first, export = process.stdout.readline(), process.stdout.readline()
    url = first.split()[-1]
    assert export == f"export AWS_ENDPOINT_URL_BEDROCK_RUNTIME={url}\n"
    status, answer = ask(url)
    assert (status, answer["stopReason"]) == (200, "end_turn")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (128 + number, "", "")


def test_quotas_and_faults_come_from_the_settings_file(start, tmp_path):
    (tmp_path / "bedrock-batch.toml").write_text('[emulate]\nport = 0\nrpm = 1\nfault = ["unavailable,count=1"]\n')
    url = start().stdout.readline().split()[-1]
    assert [ask(url)[0] for _ in range(3)] == [503, 200, 429]


def test_verify_signatures_rejects_other_credentials(start):
    url = start("--port", "0", "--verify-signatures", AWS_BEARER_TOKEN_BEDROCK="another").stdout.readline().split()[-1]
    assert ask(url)[0] == 403


def test_a_port_in_use_is_one_line_and_a_hint(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--port", str(port))
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert err == (
        f"bedrock-batch: error: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "hint: name another --port; 0 takes any that is free\n"
    )


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("reset", Fault("reset")),
        ("requests,probability=0.1", Fault("requests", probability=0.1)),
        ("unavailable,start=10s,end=1m", Fault("unavailable", start=10, end=60)),
        ("requests,count=3,every=2,retry_after=7", Fault("requests", count=3, every=2, retry_after="7")),
        ("huge,argument=1000", Fault("huge", argument="1000")),
    ],
)
def test_parse_fault(written, fault):
    assert parse_fault(written) == fault
    assert parse_fault(fault) is fault
