"""What watches a run from outside: log lines as JSON, pings of a healthcheck, and a metrics file."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from running import PATIENCE, Workplace, emulator, until


class Check(ThreadingHTTPServer):
    """A healthcheck; `pings` are the paths below its URL."""

    def __init__(self) -> None:
        self.pings: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def option(self) -> tuple[str, str]:
        return "--healthcheck-url", f"http://127.0.0.1:{self.server_port}/canary-check"


class Handler(BaseHTTPRequestHandler):
    server: Check

    def do_GET(self) -> None:
        self.server.pings.append(self.path.removeprefix("/canary-check"))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def check() -> Iterator[Check]:
    with Check() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def exit_code_in(metrics: Path) -> int:
    found = re.search(r"^bedrock_batch_last_run_exit_code\{.*\} (\d+)$", metrics.read_text(), re.MULTILINE)
    assert found
    return int(found[1])


class TestEnds:
    """However a run ends, the check and the metrics file have its exit code."""

    def ended(self, place, check, ran, code):
        assert ran.returncode == code, ran.stderr
        assert check.pings == ["/start", f"/{code}"]
        assert exit_code_in(place.folder / "b.prom") == code
        assert "canary-check" not in ran.stderr
        assert "the ping" not in ran.stderr

    def run(self, place, check, *options):
        return place.run(*check.option, "--metrics-file", "b.prom", *options)

    def test_all_done(self, place, check):
        place.sections(3)
        self.ended(place, check, self.run(place, check), 0)
        assert 'sections{output="' + f'{place.out}",status="ok"}} 3\n' in (place.folder / "b.prom").read_text()

    def test_a_wrong_path(self, place, check):
        self.ended(place, check, place.run(*check.option, "--metrics-file", "b.prom", paths=("missing",)), 2)

    def test_the_lock_is_held(self, tmp_path, check):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(1)
            holder = place.start()
            until(lambda: len(bedrock.ledger()) == 1)
            self.ended(place, check, self.run(place, check, "--quiet"), 11)
            holder.kill()
            holder.communicate(timeout=PATIENCE)

    def test_no_credentials(self, place, check):
        place.sections(1)
        place.environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        self.ended(place, check, self.run(place, check), 12)

    def test_a_signal(self, tmp_path, check):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(1)
            running = place.start(*check.option, "--metrics-file", "b.prom", "--grace", "0s")
            until(lambda: len(bedrock.ledger()) == 1)
            running.terminate()
            _, running.stderr = running.communicate(timeout=PATIENCE)
            self.ended(place, check, running, 143)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
    def test_standard_output_is_full(self, place, check):
        place.sections(1)
        line = " ".join(place.command(*check.option, "--metrics-file", "b.prom", "--json"))
        place.command = lambda: ["sh", "-c", f"exec {line} > /dev/full"]
        self.ended(place, check, place.run(), 13)


def test_what_cannot_be_reached_is_a_note_each_and_does_not_change_the_exit_code(place):
    place.sections(1)
    options = ("--healthcheck-url", "http://127.0.0.1:9/canary-check", "--metrics-file", "missing/b.prom")
    ran = place.run(*options)
    assert ran.returncode == 0, ran.stderr
    for name in ("start", "0"):
        assert (
            ran.stderr.count(f"note: the ping /{name} to the healthcheck at 127.0.0.1 failed: Connection refused") == 1
        )
    assert ran.stderr.count("note: cannot write the metrics file missing/b.prom: No such file or directory\n") == 1
    assert "canary-check" not in ran.stderr
    assert place.run("--quiet", "--emulate", *options).stderr == ""


def test_a_log_in_json_has_nothing_else(place):
    place.sections(3)
    place.write("b.xyz", "x")
    ran = place.run("--log-format", "json", "--verbose", "--json")
    assert ran.returncode == 3
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}[+-]\d\d:\d\d", line["time"]) for line in lines)
    assert [line["level"] for line in lines if "cannot read" in line["message"]] == ["warning"]
    assert lines[-2]["event"] == "progress"
    end = lines[-1]
    assert (end["event"], end["level"], end["message"]) == ("end", "warning", "Finished with problems (exit code 3)")
    assert json.loads(ran.stdout).items() <= end.items()


def test_a_quiet_log_in_json_has_only_what_needs_a_person(place):
    place.sections(3)
    options = ("--log-format", "json", "--quiet")
    (line,) = place.run(*options).stderr.splitlines()
    assert json.loads(line)["message"] == f"calling amazon.nova-lite-v1:0 at {place.url}"
    assert place.run("--emulate", *options).stderr == ""
    place.write("b.xyz", "x")
    (line,) = place.run("--emulate", *options).stderr.splitlines()
    assert (json.loads(line)["event"], json.loads(line)["unreadable"]) == ("end", 1)
