"""Any request is parsed or rejected with a ValidationException."""

import copy
import json
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from jobs.emulator.emulated_model import answer
from jobs.emulator.json_checks import InvalidRequestError
from jobs.emulator.prompt import Prompt
from jobs.emulator.request_parsing import parse, route
from jobs.emulator.schema_instance import UnsatisfiableError

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
CONVERSE: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": [{"text": "One. Two."}, {"image": {"format": "png", "source": {"bytes": "aGk="}}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "b", "input": {}}}]},
        {"role": "user", "content": [{"document": {"name": "d", "format": "txt", "source": {"bytes": "aGk="}}}]},
    ],
    "system": [{"text": "Be brief."}],
    "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 1, "stopSequences": ["x"]},
    "toolConfig": {"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": SCHEMA}}}], "toolChoice": {"any": {}}},
    "requestMetadata": {"a": "b"},
}
STRUCTURED = {
    "messages": [{"role": "user", "content": [{"text": "One."}]}],
    "outputConfig": {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(SCHEMA)}}}
    },
}
ANTHROPIC = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 9,
    "temperature": 0.5,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "One."}, {"type": "image", "source": {}}]}],
    "system": "Be brief.",
    "stop_sequences": ["x"],
    "tools": [{"name": "t", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "t"},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
}
COUNT = {"input": {"converse": {"messages": CONVERSE["messages"]}}}

values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(allow_nan=False), st.text(max_size=3),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def members(value: object) -> list[tuple[Any, Any]]:
    """All (parent, key) pairs within a JSON value."""
    pairs: list[tuple[Any, Any]] = []
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        pairs += [(value, key), *members(value[key])]  # type: ignore[index]
    return pairs


@settings(max_examples=300)
@given(data=st.data())
def test_a_mutated_request_is_parsed_or_rejected(data):
    body, operation = data.draw(
        st.sampled_from(
            [(CONVERSE, "Converse"), (STRUCTURED, "Converse"), (ANTHROPIC, "InvokeModel"), (COUNT, "CountTokens")]
        )
    )
    body = copy.deepcopy(body)
    parent, key = data.draw(st.sampled_from(members(body)))
    if isinstance(parent, dict) and data.draw(st.booleans()):
        del parent[key]
    else:
        parent[key] = data.draw(values)
    try:
        prompt = parse(operation, "model", json.dumps(body).encode())
        answer(prompt, 100)
    except (InvalidRequestError, UnsatisfiableError):
        event("rejected")
    else:
        assert isinstance(prompt, Prompt)
        assert prompt.input_tokens >= 1


def test_the_path_is_split_before_it_is_decoded():
    assert route("POST", "/model/a%3Ab%2Fc/converse?x=/y") == ("Converse", "a:b/c")
    assert route("POST", "/model/a/b/converse") is None
    assert route("POST", "/model/a%252Fb/invoke") == ("InvokeModel", "a%2Fb")
    assert route("GET", "/model/a/converse") is None
