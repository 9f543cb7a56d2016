"""Names and figures of AWS."""

import gzip
import json
import re
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.config import aws_names

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


@pytest.mark.parametrize("name", MODELS)
def test_model_ids_of_every_kind_are_accepted(name):
    assert aws_names.model_id(name) == name
    assert botocores_pattern().fullmatch(name)


@pytest.mark.parametrize("name", NO_MODELS)
def test_other_texts_are_no_model_ids(name):
    with pytest.raises(ValueError, match="is not a model id"):
        aws_names.model_id(name)


@given(st.from_regex(botocores_pattern(), fullmatch=True).filter(lambda name: len(name) <= 200))
def test_a_model_id_of_botocore_is_accepted_unless_it_could_change_the_url_or_is_an_option(name):
    try:
        aws_names.model_id(name)
    except ValueError:
        assert name[0] in "-.:" or re.match(r"arn:aws-[^:]*[^:a-z-]", name) or name.endswith("\n")


@given(st.text(max_size=40))
def test_an_accepted_model_id_is_valid_for_botocore(name):
    try:
        aws_names.model_id(name)
    except ValueError:
        return
    assert botocores_pattern().fullmatch(name)


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://example.com:8443/gateway", "http://127.0.0.1:9000", "http://[::1]:9000"]
)
def test_endpoints(url):
    assert aws_names.endpoint(url) == url


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "http://localhost.example.com", "ftp://x", "example.com", "https://", "https://a:b@c", ""],
)
def test_an_endpoint_that_is_unencrypted_or_no_url_is_rejected(url):
    with pytest.raises(ValueError, match=r"endpoint|empty"):
        aws_names.endpoint(url)


@pytest.mark.parametrize("name", ["eu central", "x.evil.com", "-a", "a/b", ""])
def test_other_texts_are_no_regions(name):
    assert aws_names.region("eu-central-1") == "eu-central-1"
    with pytest.raises(ValueError, match=r"is not a region|is empty"):
        aws_names.region(name)
