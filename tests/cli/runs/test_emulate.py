"""`bedrock-batch emulate` as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from running import COMMAND, MODEL, PATIENCE

from cli.commands.emulate import parse_fault
from jobs.emulator.faults import Fault

UNSET = (
    "unset AWS_PROFILE AWS_SESSION_TOKEN AWS_BEARER_TOKEN_BEDROCK AWS_IGNORE_CONFIGURED_ENDPOINT_URLS "
    "AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT"
)
BOTO3 = f"""
import boto3
client = boto3.client("bedrock-runtime")
answer = client.converse(modelId="{MODEL}", messages=[{{"role": "user", "content": [{{"text": "Hello"}}]}}])
print(answer["output"]["message"]["content"][0]["text"])
"""


@pytest.fixture
def start(tmp_path):
    """Starts the command; killed at the end of the test at the latest."""
    processes = []

    def begin(*options, **environment):
        process = subprocess.Popen(
            [COMMAND, "emulate", *options],
            cwd=tmp_path, env={"PATH": os.defpath, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate(timeout=PATIENCE)


def url_of(process: subprocess.Popen) -> str:
    return process.stdout.readline().split()[-1]


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
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_exits_with_128_plus_its_number(start, number):
    process = start("--port", "0")
    lines = [process.stdout.readline() for _ in range(7)]
    url = lines[0].split()[-1]
    assert lines == [
        f"# Bedrock Runtime (emulated) at {url}\n",
        f"export AWS_ENDPOINT_URL_BEDROCK_RUNTIME={url}\n",
        f"export ANTHROPIC_BEDROCK_BASE_URL={url}\n",
        f"export AWS_BEDROCK_RUNTIME_ENDPOINT={url}\n",
        "export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n",
        "export AWS_ACCESS_KEY_ID=emulated AWS_SECRET_ACCESS_KEY=emulated AWS_EC2_METADATA_DISABLED=true\n",
        f"{UNSET}\n",
    ]
    status, answer = ask(url)
    assert (status, answer["stopReason"]) == (200, "end_turn")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (128 + number, "", "")


def test_boto3_calls_the_emulator_with_nothing_but_the_printed_lines(start, tmp_path):
    """The environment has a profile, an API key, a proxy and FIPS endpoints, all of which would fail."""
    unusable = {
        "AWS_PROFILE": "missing",
        "AWS_SESSION_TOKEN": "token",
        "AWS_BEARER_TOKEN_BEDROCK": "key",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "HOME": str(tmp_path),
    }
    process = start("--port", "0", HTTP_PROXY="http://127.0.0.1:9")
    printed = ""
    while "NO_PROXY" not in printed:
        printed += process.stdout.readline()
    client = subprocess.run(
        ["sh", "-euc", f'{printed}\nexec "$0" -c "$1"', sys.executable, BOTO3],
        env={"PATH": os.defpath, **unusable}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert (client.stdout, client.returncode) == ("[emulated] Hello\n", 0), client.stderr


def test_quotas_and_faults_come_from_the_settings_file(start, tmp_path):
    (tmp_path / "bedrock-batch.toml").write_text('[emulate]\nport = 0\nrpm = 1\nfault = ["unavailable,count=1"]\n')
    url = url_of(start())
    assert [ask(url)[0] for _ in range(3)] == [503, 200, 429]


def test_verify_signatures_rejects_other_credentials_and_prints_none(start):
    process = start("--port", "0", "--verify-signatures", AWS_BEARER_TOKEN_BEDROCK="another")
    assert ask(url_of(process))[0] == 403
    process.terminate()
    printed = process.stdout.read()
    assert "export AWS_REGION" in printed
    assert "another" not in printed
    assert "AWS_ACCESS_KEY_ID" not in printed


def test_a_port_in_use_is_one_line_and_a_hint(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--port", str(port))
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert err == (
        f"bedrock-batch: error: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "hint: choose another --port; 0 picks a free one\n"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("reset", Fault("reset")),
        ("requests,probability=0.1", Fault("requests", probability=0.1)),
        ("unavailable,start=10s,end=1m", Fault("unavailable", start=10, end=60)),
        ("requests,count=3,every=2,retry_after=7", Fault("requests", count=3, every=2, retry_after="7")),
        ("huge,argument=1000", Fault("huge", argument="1000")),
    ],
)
def test_parse_fault(text, fault):
    assert parse_fault(text) == fault
