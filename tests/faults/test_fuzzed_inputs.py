"""Documents, answers, settings, journal and cache of arbitrary bytes: no crash, no hang, a clean message."""

import contextlib
import random
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from answers import body
from fault_runs import size
from mutations import mutated, no_hang
from running import PATIENCE, Workplace, emulator

from cli.app import main
from jobs.documents.document import Source
from jobs.documents.parser_process import pack, unpack
from jobs.documents.parsing import Limits, parse
from jobs.record.cache import Cache
from jobs.requests import answer

SAMPLES = Path(__file__).parents[2] / "sample_docs"
MARKUP = [
    b"#" * 9, b"```", b"<table><tr><td>", b"<!--", b"]]>", b"&#x110000;", b"&amp" * 200, b"\xff\xfe", b"\xef\xbb\xbf",
    b"\0", b"\x1b]52;c;", "\u2028\u202e\ud7ff".encode(), b"[" * 500, b"> " * 300, b"- " * 300, b"\r", b"=====\n",
    b"<" * 300, b"</" + b"p" * 900 + b">", b"<script>", b"charset=utf-7",
]  # fmt: skip
JSON = [
    b"null", b"NaN", b"-1", b"1e999", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b'"\\ud800"', b"true", b'""', b"\xff",
    b"[]", b"{}", b"0.5", b'"stopReason":"tool_use"', b"1" + b"0" * 30,
]  # fmt: skip
TOML = [
    b"=", b"[analyze]", b"[[analyze]]", b"[models.x]", b"nan", b"inf", b"-1", b"1979-05-27", b"'''", b"[]", b"{}",
    b'"\\u0000"', b"\xff", b"." * 50, b"true", b"9" * 40, b"rpm = 'auto'", b"output = ''", b"[" * 200,
]  # fmt: skip
SQLITE = [b"\0" * 64, b"\xff" * 64, b"SQLite format 3\0", b"ok", b"CREATE TABLE", b"null", b"{}", b"\x7f\xff\xff\xff"]

SETTINGS = b"""
[analyze]
model = "amazon.nova-lite-v1:0"
region = "us-east-1"
rpm = 100
tpm = "auto"
max-tokens = 200
temperature = 0.5
stop = ["END"]
include = ["*.md"]
exclude = ["*.png"]
first = ["a*"]
max-file-size = "10MB"
deadline = "1h"
max-failures = "5%"
budget = 1.5
on-unknown = "hold"
quiet = true
[models."amazon.nova*"]
input_usd = 0.1
burndown = 5
"""


def cases(small: int, full: int) -> range:
    return range(size(small, full))


@pytest.mark.timeout(3600)
def test_documents_of_any_bytes_are_read_or_have_a_reason(tmp_path):
    samples = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
    for number in cases(700, 6000):
        generator = random.Random(number)
        sample = generator.choice(samples)
        path = tmp_path / f"document{sample.suffix}"
        path.write_bytes(mutated(generator, sample.read_bytes(), MARKUP))
        with no_hang():
            chunks = list(parse(Source(str(path), "d.md"), Limits(2000, 1 << 24)))
        assert chunks[-1].done, number
        assert chunks[-1].document.status in ("ok", "empty", "unreadable"), number
        assert (chunks[-1].document.error == "") is (chunks[-1].document.status == "ok"), number
        assert [unpack("d.md", pack(chunk)) for chunk in chunks] == chunks, number


@pytest.mark.timeout(3600)
def test_answers_of_any_bytes_are_parsed_or_refused(tmp_path):
    valid = [body("Grüße \U0001f600"), body("Half", stop="max_tokens"), body("")]
    accepted = 0
    for number in cases(700, 8000):
        generator = random.Random(number)
        raw = mutated(generator, generator.choice(valid), JSON)
        with no_hang(), contextlib.suppress(answer.NotAnAnswer):
            parsed = answer.parse(raw)
            accepted += 1
            assert parsed.raw == raw, number
            assert all(type(count) is int and count >= 0 for count in parsed.usage), number
            assert isinstance(parsed.text, str), number
    assert accepted


def check(code: int, output: str, allowed: tuple[int, ...], number: int) -> None:
    """One line for people: no bug, no traceback."""
    assert code in allowed, (number, code, output)
    assert "Traceback" not in output, (number, output)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", output), (number, output)


@pytest.mark.timeout(3600)
def test_settings_of_any_bytes_are_taken_or_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "settings.toml"
    for number in cases(250, 2500):
        file.write_bytes(mutated(random.Random(number), SETTINGS, TOML))
        with no_hang():
            code = main(["analyze", "no-such-folder", "--config", "settings.toml", "--emulate"])
        check(code, capsys.readouterr().err, (2,), number)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Where the log of a bug goes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output and the cache of a finished run."""
    with emulator() as bedrock:
        place = Workplace(tmp_path_factory.mktemp("place"), bedrock.url)
        place.sections(30)
        for path in ("a.html", "b.txt"):
            place.write(path, f"<h1>Title {path}</h1><p>text")
        done = place.run()
        assert done.returncode == 0, done.stderr
        yield place


@pytest.mark.timeout(3600)
def test_a_journal_of_any_bytes_is_read_or_refused(finished, tmp_path, capsys):
    valid = (finished.out / "journal.sqlite").read_bytes()
    output = tmp_path / "out"
    commands = [["verify", str(output)], ["status", str(output), "--json"], ["export", str(output), "--with-text"]]
    for number in cases(200, 2000):
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(finished.out, output)
        (output / "journal.sqlite").write_bytes(mutated(random.Random(number), valid, SQLITE))
        with no_hang():
            code = main(commands[number % len(commands)])
        out, err = capsys.readouterr()
        check(code, out + err, (0, 2, 4, 13), number)


@pytest.mark.timeout(3600)
def test_a_cache_of_any_bytes_is_used_or_replaced(finished, tmp_path):
    valid = (finished.folder / "cache" / "cache.db").read_bytes()
    with contextlib.closing(sqlite3.connect(finished.out / "journal.sqlite")) as journal:
        keys = [key for (key,) in journal.execute("SELECT key FROM units")]
    kept = answer.parse(body())
    for number in cases(150, 1500):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "cache.db").write_bytes(mutated(random.Random(number), valid, SQLITE))
        with no_hang(), contextlib.suppress(OSError):
            cache = Cache(folder)
            cache.find(keys)
            cache.keep(keys[0], kept)
            assert cache.find(keys[:1]) in ({keys[0]: kept}, {}), number
            cache.close()
        shutil.rmtree(folder)


@pytest.mark.timeout(3600)
def test_the_program_ends_cleanly_whatever_it_is_given(finished, tmp_path):
    """All kinds of input at once, in a process of its own."""
    samples = [path for path in SAMPLES.rglob("*") if path.is_file()]
    for number in cases(30, 150):
        generator = random.Random(number)
        place = Workplace(tmp_path / str(number), finished.url)
        shutil.copytree(finished.folder, place.folder)
        for sample in generator.sample(samples, 5):
            place.write(f"m/{sample.name}", mutated(generator, sample.read_bytes(), MARKUP))
        damaged = [place.out / "journal.sqlite", place.folder / "cache" / "cache.db", place.out / "summary.json"]
        for path in generator.sample(damaged, generator.randrange(3)):
            path.write_bytes(mutated(generator, path.read_bytes(), SQLITE))
        running = place.start("--json")
        out, err = running.communicate(timeout=PATIENCE)
        check(running.returncode, out + err, (0, 2, 3, 4, 13), number)
        shutil.rmtree(place.folder)
