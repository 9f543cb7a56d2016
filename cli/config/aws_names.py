"""Parsers of names and figures of AWS: models, regions, endpoints, and the fields of a model in the settings file."""

import re

from cli.config.parsers import amount, positive, text

MODEL_FIELDS = {"input_usd": amount, "output_usd": amount, "burndown": positive, "context_tokens": positive}
"""Of a model: USD a million tokens, the weight of an output token in the token quota, and the size of the context."""

_HOST_LABEL = r"(?!-)[a-zA-Z0-9-]{1,63}(?<!-)"
"""As botocore.utils.validate_region_name: a region becomes part of a host name."""

_MODEL_ID = (
    r"arn:aws(-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:("
    r"[0-9]{12}:custom-model/[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}/[a-z0-9]{12}"
    r"|:foundation-model/[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}([.:]?[a-z0-9-]{1,63})"
    r"|[0-9]{12}:(imported-model|provisioned-model|custom-model-deployment)/[a-z0-9]{12}"
    r"|[0-9]{12}:(inference-profile|application-inference-profile|(default-)?prompt-router)/[a-zA-Z0-9-:.]+"
    r"|[0-9]{12}:prompt/[0-9a-zA-Z]{10}(:[0-9]{1,5})?)"
    r"|arn:aws:sagemaker:[a-z0-9-]+:[0-9]{12}:endpoint/[a-zA-Z0-9-]+"
    r"|[0-9a-zA-Z]+([_-][0-9a-zA-Z]+)*[_-]?"
    r"|[a-zA-Z0-9][a-zA-Z0-9-:.]*"
)
"""ConversationalModelId of botocore's bedrock-runtime/2023-09-30/service-2.json, but narrower: the partition is of
letters, and an id begins with a letter or digit (`..` would name another path, `--emulate` is an option)."""


def model_id(value: object) -> str:
    """A model of Converse: an id, the id of an inference profile, or an ARN."""
    name = text(value)
    if len(name) > 2048 or not re.fullmatch(_MODEL_ID, name):
        raise ValueError(f"{name[:80]!r} is not a model id, inference profile id or ARN")
    return name


def region(value: object) -> str:
    """The name of a region; it becomes part of a host name."""
    name = text(value)
    if not re.fullmatch(_HOST_LABEL, name):
        raise ValueError(f"{name[:80]!r} is not a region; write one like eu-central-1")
    return name


def endpoint(value: object) -> str:
    """The base URL to call: https, or http on loopback only (documents are sent unencrypted)."""
    from jobs.bedrock.endpoint import check_endpoint
    from jobs.errors import ConfigurationError

    try:
        return check_endpoint(text(value))
    except ConfigurationError as error:
        raise ValueError(f"{error}; {error.hint}" if error.hint else str(error)) from None
