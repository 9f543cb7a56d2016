"""Parsers of options."""

import io
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.config import parsers as values
from jobs.pipeline.stopping import MaxFailures


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1h30m", 5400), ("1.5", 1.5), ("0.5m", 30),
        ("250ms", 0.25), ("1d", 86400), (" 7 ", 7), (12, 12), (0.25, 0.25), ("0", 0),
    ],
)  # fmt: skip
def test_durations(written, seconds):
    assert values.duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written", ["", "x", "-1", "1 h", "h", "1w", "1e3", "inf", "nan", "9" * 400, -1, float("inf"), True, [1], None]
)
def test_other_texts_are_no_durations(written):
    with pytest.raises(ValueError, match=r"is not a duration|must be a text or a number"):
        values.duration(written)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(hours, minutes, seconds):
    assert values.duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


def test_some_time_is_not_zero():
    assert values.some_time("1ms") == pytest.approx(0.001)
    with pytest.raises(ValueError, match="longer than 0"):
        values.some_time("0s")


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("1", 1), (500, 500), ("10MB", 10_000_000), ("10 mb", 10_000_000), ("64MiB", 67_108_864), ("1.5kB", 1500),
        ("1GiB", 1 << 30), ("3B", 3),
    ],
)  # fmt: skip
def test_sizes(written, size):
    assert values.size(written) == size


@pytest.mark.parametrize("written", ["", "MB", "10M", "-1", "0", "0.1", "1TBs", "9" * 400, True])
def test_other_texts_are_no_sizes(written):
    with pytest.raises(ValueError, match=r"size|1 byte|must be"):
        values.size(written)


@pytest.mark.parametrize(
    ("parser", "good", "bad"),
    [
        (values.whole, {"1": 1, "1024": 1024, 7: 7}, ["0", "-1", "1.5", "x", "", 1.5, True, "1" * 19]),
        (values.seed, {"0": 0, "12": 12}, ["-1", "1.0", ""]),
        (values.fraction, {"0": 0, "1": 1, "0.7": 0.7, 1: 1}, ["-0.1", "1.1", "nan", "inf", "x", True, [0.5]]),
        (values.amount, {"0": 0, "2.5": 2.5}, ["-1", "nan", "inf", "x", False]),
        (values.positive, {"0.1": 0.1, "60": 60}, ["0", "-1", "nan", "inf", "auto"]),
        (values.rate, {"auto": None, "none": math.inf, 0.5: 0.5}, ["0", "-1", "fast", "nan", "inf", True, []]),
        (values.switch, {"1": True, "TRUE": True, "off": False, "no": False, False: False}, ["", "maybe", "2"]),
        (values.max_failures, {"5": MaxFailures(5), 5: MaxFailures(5)}, ["0", "x", "1.5", "-1"]),
        (values.max_failures, {"10%": MaxFailures(None, 0.1)}, ["0%", "101%", "%", "nan%"]),
        (values.text, {" a ": " a "}, ["", " \n", 5, True, ["a"], "\udcff"]),
        (values.stop, {"\n": "\n"}, ["", 5, "\udcff"]),
        (values.path, {"a/b": Path("a/b"), "a/~": Path("a/~"), "~/a": Path.home() / "a"}, ["", "a\0b", "~x-y/a"]),
        (values.source, {"./a": "./a", "\udcff": "\udcff"}, [""]),
        (values.task, {"summarize": "summarize"}, ["sumarize", ""]),
        (values.age, {"3d": 259200, "1h30m": 5400, "0s": 0, 90.0: 90}, ["3", " 3 ", "1.5", "0", "x", ""]),
    ],
)  # fmt: skip
def test_each_parser_accepts_its_values_only(parser, good, bad):
    for written, value in good.items():
        assert parser(written) == value
    for written in bad:
        with pytest.raises(ValueError, match=r"\S"):
            parser(written)


class TestReadText:
    def test_the_byte_order_mark_is_removed(self, tmp_path):
        file = tmp_path / "p.txt"
        file.write_bytes("﻿Grüße".encode())
        assert values.read_text(file) == "Grüße"

    def test_an_endless_file_is_rejected(self):
        with pytest.raises(ValueError, match="larger than 1 MiB"):
            values.read_text(Path("/dev/zero"))

    def test_a_missing_file_a_folder_and_a_file_that_is_not_text_are_rejected(self, tmp_path):
        (tmp_path / "latin").write_bytes(b"Gr\xfc\xdfe")
        for name, why in {"missing": "No such file", "": "Is a directory", "latin": r"not UTF-8 \(byte 2\)"}.items():
            with pytest.raises(ValueError, match=why):
                values.read_text(tmp_path / name)

    def test_a_dash_is_standard_input(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"What is due?")))
        assert values.read_text(Path("-")) == "What is due?"
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\xff")))
        with pytest.raises(ValueError, match=r"standard input is not UTF-8 \(byte 0\)"):
            values.read_text(Path("-"))
