import gzip
import json
import math
import re
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.config import parsers as values
from jobs.pipeline.stopping import MaxFailures

MODELS = [
    "anthropic.claude-3-haiku-20240307-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
    "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-3-haiku-20240307-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456",
    "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghij12",
    "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghij12",
    "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1/abcdefghij12",
    "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:3",
    "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1",
    "arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-endpoint",
    "my_own_model",
]
NO_MODELS = [
    "a b", "a\n", "\x1b[31m", "a/b", "../../x", "..", ".", "--emulate", "a?b", "a#b", "ä", "m%2e",
    "arn:aws-\n:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
    "arn:aws:bedrock:us-east-1::foundation-model/../x.y",
    "x" * 2049,
]  # fmt: skip


def botocores_pattern() -> re.Pattern[str]:
    model = Path(botocore.__file__).parent / "data/bedrock-runtime/2023-09-30/service-2.json.gz"
    return re.compile(json.loads(gzip.decompress(model.read_bytes()))["shapes"]["ConversationalModelId"]["pattern"])


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
def test_what_is_no_duration_is_refused(written):
    with pytest.raises(ValueError, match=r"is not a duration|must be a text or a number"):
        values.duration(written)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(hours, minutes, seconds):
    assert values.duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


def test_some_durations_cannot_be_zero():
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
def test_what_is_no_size_is_refused(written):
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
        (values.path, {"a/b": Path("a/b")}, ["", "a\0b", 5]),
        (values.source, {"./a": "./a", "\udcff": "\udcff"}, [""]),
        (values.task, {"summarize": "summarize"}, ["sumarize", ""]),
        (values.region, {"eu-central-1": "eu-central-1"}, ["eu central", "x.evil.com", "-a", "a/b", ""]),
    ],
)  # fmt: skip
def test_each_parser_takes_what_it_says_and_its_own_result_and_nothing_else(parser, good, bad):
    for written, value in good.items():
        assert parser(written) == value
        assert value is None or parser(value) == value
    for written in bad:
        with pytest.raises(ValueError, match=r"\S"):
            parser(written)


@pytest.mark.parametrize("name", MODELS)
def test_model_ids_of_every_kind_are_taken(name):
    assert values.model_id(name) == name
    assert botocores_pattern().fullmatch(name)


@pytest.mark.parametrize("name", NO_MODELS)
def test_what_is_no_model_id_is_refused(name):
    with pytest.raises(ValueError, match="is not a model id"):
        values.model_id(name)


@given(st.from_regex(botocores_pattern(), fullmatch=True).filter(lambda name: len(name) <= 200))
def test_a_model_id_of_botocore_is_taken_unless_it_could_change_the_url_or_is_an_option(name):
    try:
        values.model_id(name)
    except ValueError:
        assert name[0] in "-.:" or re.match(r"arn:aws-[^:]*[^:a-z-]", name) or name.endswith("\n")


@given(st.text(max_size=40))
def test_a_model_id_that_is_taken_is_one_to_botocore(name):
    try:
        values.model_id(name)
    except ValueError:
        return
    assert botocores_pattern().fullmatch(name)


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://example.com:8443/gateway", "http://127.0.0.1:9000", "http://[::1]:9000"]
)
def test_endpoints(url):
    assert values.endpoint(url) == url


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "http://localhost.example.com", "ftp://x", "example.com", "https://", "https://a:b@c", ""],
)
def test_an_endpoint_that_would_show_documents_to_others_or_is_none_is_refused(url):
    with pytest.raises(ValueError, match=r"endpoint|empty"):
        values.endpoint(url)


class TestReadText:
    def test_a_byte_order_mark_is_no_part_of_the_text(self, tmp_path):
        file = tmp_path / "p.txt"
        file.write_bytes("﻿Grüße".encode())
        assert values.read_text(file) == "Grüße"

    def test_an_endless_file_is_refused(self):
        with pytest.raises(ValueError, match="larger than 1 MiB"):
            values.read_text(Path("/dev/zero"))

    def test_a_missing_one_a_folder_and_one_that_is_not_text_are_refused(self, tmp_path):
        (tmp_path / "latin").write_bytes(b"Gr\xfc\xdfe")
        for name, why in {"missing": "No such file", "": "Is a directory", "latin": r"not UTF-8 \(byte 2\)"}.items():
            with pytest.raises(ValueError, match=why):
                values.read_text(tmp_path / name)
