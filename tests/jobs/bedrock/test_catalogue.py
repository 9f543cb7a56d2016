"""Lookup of ids, profiles and ARNs, and prices."""

import datetime
import tomllib
from importlib.resources import files

import pytest

from jobs.bedrock.catalogue import look_up, region_class
from jobs.requests.answer import Usage

ARN = "arn:aws:bedrock:us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", "on-demand"),
        ("us.anthropic.claude-opus-4-8", "cross-region"),
        ("us-gov.anthropic.claude-opus-4-8", "cross-region"),
        ("apac.amazon.nova-lite-v1:0", "cross-region"),
        ("global.anthropic.claude-opus-5", "global"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "on-demand"),
        (ARN + "inference-profile/us.anthropic.claude-opus-4-8", "cross-region"),
        (ARN + "inference-profile/global.anthropic.claude-opus-4-8", "global"),
        (ARN + "application-inference-profile/a1b2c3", "application-inference-profile"),
        (ARN + "provisioned-model/a1b2c3", "provisioned-model"),
        ("openai.gpt-5.6", "on-demand"),
    ],
)
def test_region_class_of_an_id(model: str, expected: str) -> None:
    assert region_class(model) == expected


@pytest.mark.parametrize(
    ("model", "burndown", "bytes_per_token"),
    [
        ("anthropic.claude-v2:1", 5, 4),
        ("anthropic.claude-instant-v1", 5, 4),
        ("anthropic.claude-3-haiku-20240307-v1:0", 5, 4),
        ("anthropic.claude-3-sonnet-20240229-v1:0:200k", 5, 4),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", 5, 4),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 5, 4),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", 5, 4),
        ("us.anthropic.claude-sonnet-4-6", 5, 4),
        ("us.anthropic.claude-opus-4-7", 5, 3),
        ("us.anthropic.claude-opus-4-8", 15, 3),
        ("global.anthropic.claude-sonnet-4-8-20260601-v1:0", 15, 3),
        ("us.anthropic.claude-opus-5", 10, 3),
        ("us.anthropic.claude-opus-5-5", 10, 3),
        ("us.anthropic.claude-fable-5-1", 10, 3),
        ("us.anthropic.claude-nobody-knows-9", 10, 3),
        ("sa.anthropic.claude-sonnet-9", 10, 3),
        ("openai.gpt-5.6", 10, 3),
        (ARN + "application-inference-profile/a1b2c3", 10, 3),
        ("openai.gpt-oss-120b-1:0", 1, 3),
        ("amazon.nova-pro-v1:0", 1, 3),
        ("mistral.mistral-large-3-675b-instruct", 1, 3),
        ("something-else", 1, 3),
    ],
)
def test_burndown_and_bytes_per_token_of_a_model(model: str, burndown: float, bytes_per_token: float) -> None:
    entry = look_up(model)
    assert (entry.id, entry.burndown, entry.bytes_per_token) == (model, burndown, bytes_per_token)


@pytest.mark.parametrize(
    ("model", "input_usd", "output_usd"),
    [
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", 5, 25),
        ("global.anthropic.claude-opus-5", 5, 25),
        ("global.anthropic.claude-opus-5-5", 4, 20),
        ("global.anthropic.claude-sonnet-4-6", 3, 15),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3, 16.5),
        ("jp.anthropic.claude-sonnet-5-5", 2.2, 11),
        (ARN + "inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0", 1.1, 5.5),
        ("global.anthropic.claude-haiku-5-5", 0.1, 0.5),
        ("us.amazon.nova-micro-v1:0", 0.035, 0.14),
        ("amazon.nova-lite-v1:0", 0.06, 0.24),
        ("amazon.nova-pro-v1:0", 0.8, 3.2),
        ("us.amazon.nova-premier-v1:0", 2.5, 12.5),
        ("us.meta.llama3-3-70b-instruct-v1:0", 0.72, 0.72),
        ("mistral.mistral-large-3-675b-instruct", 0.5, 1.5),
        ("openai.gpt-oss-120b-1:0", 0.15, 0.6),
        ("openai.gpt-oss-20b-1:0", 0.07, 0.3),
    ],
)
def test_price_of_a_million_tokens(model: str, input_usd: float, output_usd: float) -> None:
    entry = look_up(model)
    assert entry.cost(Usage(1_000_000, 0)) == pytest.approx(input_usd)
    assert entry.cost(Usage(0, 1_000_000)) == pytest.approx(output_usd)
    assert entry.worst_cost(1_000_000, 1_000_000) == pytest.approx(input_usd + output_usd)


def test_cached_input_has_its_own_price() -> None:
    assert look_up("global.anthropic.claude-opus-5").cost(Usage(0, 0, 1_000_000, 1_000_000)) == pytest.approx(
        0.5 + 6.25
    )


@pytest.mark.parametrize(
    "model",
    ["anthropic.claude-v2:1", "us.anthropic.claude-fable-5-1", "amazon.nova-2-lite-v1:0", "openai.gpt-5.6", "x",
     ARN + "application-inference-profile/a1b2c3"],
)  # fmt: skip
def test_an_unknown_price_is_none(model: str) -> None:
    entry = look_up(model)
    assert entry.price is None
    assert entry.cost(Usage(1, 1)) is None
    assert entry.worst_cost(1, 1) is None


def test_overrides_take_precedence_and_get_no_geo_uplift() -> None:
    overrides = {
        "us.anthropic.claude-opus-5": {"input_usd": 7.0, "burndown": 2.0},
        "anthropic.claude-*": {"burndown": 3.0, "context_tokens": 200_000.0},
        "meta.*": {"burndown": 4.0},
    }
    entry = look_up("us.anthropic.claude-opus-5", overrides)
    assert entry.price is not None
    assert (entry.price.input, entry.price.output) == (7.0, pytest.approx(27.5))
    assert (entry.burndown, entry.context_tokens) == (2.0, 200_000)
    assert look_up("global.anthropic.claude-opus-5", overrides).burndown == 3.0
    assert look_up("us.anthropic.claude-opus-5").burndown == 10.0


def test_a_price_needs_both_input_and_output() -> None:
    arn = ARN + "application-inference-profile/a1b2c3"
    assert look_up(arn, {arn: {"input_usd": 1.0}}).price is None
    assert look_up(arn, {arn: {"input_usd": 1.0, "output_usd": 2.0}}).worst_cost(1_000_000, 1_000_000) == 3.0


def test_the_catalogue_has_a_date_and_sources() -> None:
    data = tomllib.loads(files("jobs.bedrock").joinpath("models.toml").read_text("utf-8"))
    assert isinstance(data["as_of"], datetime.date)
    assert data["sources"]
