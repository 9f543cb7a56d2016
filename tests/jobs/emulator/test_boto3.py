"""A default boto3 client against the emulator."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from botocore.exceptions import ClientError, EventStreamError
from emulator_fixtures import ARN, MODEL, NOVA, ask

from jobs.emulator.faults import Fault

TEXT = "The harbour was closed on Monday. Storms had damaged the harbour wall."
ANSWER = "[emulated] " + TEXT
TOOL = {
    "toolSpec": {
        "name": "report",
        "inputSchema": {"json": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
    }
}


def claude(text: str = TEXT, **more) -> str:
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
    }
    return json.dumps(body | more)


@pytest.mark.parametrize("model", [MODEL, NOVA, ARN, "emulated.extract-v1:0"])
def test_converse(emulate, model):
    running = emulate()
    answer = running.client().converse(modelId=model, **ask(TEXT, maxTokens=100))
    assert answer["output"] == {"message": {"role": "assistant", "content": [{"text": ANSWER}]}}
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert (usage["inputTokens"], usage["outputTokens"], usage["totalTokens"]) == (18, 21, 39)
    assert answer["metrics"] == {"latencyMs": 0}
    assert re.fullmatch("[0-9a-f-]{36}", answer["ResponseMetadata"]["RequestId"])
    assert [entry.model for entry in running.entries] == [model]


def test_converse_stream(emulate):
    events = list(emulate().client().converse_stream(modelId=ARN, **ask(TEXT * 5))["stream"])
    assert events[0] == {"messageStart": {"role": "assistant"}}
    pieces = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert len(pieces) > 1
    assert "".join(pieces).startswith(ANSWER[:40])
    assert events[-2] == {"messageStop": {"stopReason": "end_turn"}}
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 0


def test_invoke_model_in_anthropic_format(emulate):
    answer = emulate().client().invoke_model(modelId=MODEL, body=claude())
    body = json.loads(answer["body"].read())
    assert body["content"] == [{"type": "text", "text": ANSWER}]
    assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "end_turn")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-input-token-count"]) == body["usage"]["input_tokens"]
    assert int(headers["x-amzn-bedrock-output-token-count"]) == body["usage"]["output_tokens"]
    assert answer["contentType"] == "application/json"


def test_invoke_model_in_nova_format(emulate):
    request = {**ask(TEXT), "inferenceConfig": {"max_new_tokens": 3}, "schemaVersion": "messages-v1"}
    body = json.loads(emulate().client().invoke_model(modelId=NOVA, body=json.dumps(request))["body"].read())
    assert body["output"]["message"]["content"] == [{"text": ANSWER[:12]}]
    assert (body["stopReason"], body["usage"]["outputTokens"]) == ("max_tokens", 3)


def test_an_application_profile_answers_in_the_format_of_the_request(emulate):
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456"
    client = emulate().client()
    assert json.loads(client.invoke_model(modelId=arn, body=claude())["body"].read())["type"] == "message"
    assert "output" in json.loads(client.invoke_model(modelId=arn, body=json.dumps(ask(TEXT)))["body"].read())


def test_invoke_model_with_response_stream(emulate):
    client = emulate().client()
    stream = client.invoke_model_with_response_stream(modelId=MODEL, body=claude())["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert [event["type"] for event in events][:2] == ["message_start", "content_block_start"]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == ANSWER
    assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 21
    stream = client.invoke_model_with_response_stream(modelId=NOVA, body=json.dumps(ask(TEXT)))["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert [*events[0], *events[-1]] == ["messageStart", "metadata"]


def test_count_tokens(emulate):
    running = emulate(rpm=1)
    client = running.client()
    for _ in range(3):  # no quota
        assert client.count_tokens(modelId=MODEL, input={"converse": ask(TEXT)})["inputTokens"] == 18
    assert client.count_tokens(modelId=MODEL, input={"invokeModel": {"body": claude()}})["inputTokens"] == 18
    assert not any(entry.charged for entry in running.entries)


def test_a_forced_tool_is_called(emulate):
    client = emulate().client()
    for choice in ({"any": {}}, {"tool": {"name": "report"}}):
        answer = client.converse(modelId=MODEL, **ask(TEXT), toolConfig={"tools": [TOOL], "toolChoice": choice})
        assert answer["stopReason"] == "tool_use"
        assert answer["output"]["message"]["content"][0]["toolUse"]["input"] == {"n": 0}
    events = list(
        client.converse_stream(modelId=MODEL, **ask(TEXT), toolConfig={"tools": [TOOL], "toolChoice": choice})["stream"]
    )
    assert events[1]["contentBlockStart"]["start"]["toolUse"]["name"] == "report"
    assert events[2]["contentBlockDelta"]["delta"]["toolUse"]["input"] == '{"n": 0}'
    free = client.converse(modelId=MODEL, **ask(TEXT), toolConfig={"tools": [TOOL], "toolChoice": {"auto": {}}})
    assert free["output"]["message"]["content"] == [{"text": ANSWER}]


def test_a_forced_tool_is_called_in_anthropic_format(emulate):
    tools = [{"name": "report", "input_schema": TOOL["toolSpec"]["inputSchema"]["json"]}]
    body = claude(tools=tools, tool_choice={"type": "tool", "name": "report"})
    client = emulate().client()
    answer = json.loads(client.invoke_model(modelId=MODEL, body=body)["body"].read())
    assert (answer["stop_reason"], answer["content"][0]["input"]) == ("tool_use", {"n": 0})
    stream = client.invoke_model_with_response_stream(modelId=MODEL, body=body)["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert events[1]["content_block"]["input"] == {}
    assert events[2]["delta"] == {"type": "input_json_delta", "partial_json": '{"n": 0}'}


def test_structured_output_satisfies_its_schema(emulate):
    schema = {"type": "object", "properties": {"kind": {"enum": ["harbour"]}}, "required": ["kind"]}
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema)}}}
    answer = emulate().client().converse(modelId=MODEL, **ask(TEXT), outputConfig={"textFormat": form})
    assert json.loads(answer["output"]["message"]["content"][0]["text"]) == {"kind": "harbour"}


def test_documents_are_read_and_images_count_as_tokens(emulate):
    client = emulate().client()
    document = {"document": {"name": "d", "format": "txt", "source": {"bytes": TEXT.encode()}}}
    image = {"image": {"format": "png", "source": {"bytes": b"png"}}}
    messages = [{"role": "user", "content": [document, image]}]
    answer = client.converse(
        modelId=MODEL, messages=messages, system=[{"text": "Be brief."}, {"cachePoint": {"type": "default"}}]
    )
    assert answer["output"]["message"]["content"][0]["text"] == ANSWER
    assert answer["usage"]["inputTokens"] == 1_620


def test_stop_sequences_and_max_tokens(emulate):
    client = emulate().client()
    stopped = client.converse(modelId=MODEL, **ask(TEXT, stopSequences=["Monday"]))
    assert stopped["stopReason"] == "stop_sequence"
    cut = client.converse(modelId=MODEL, **ask(TEXT, maxTokens=3))
    assert (cut["stopReason"], cut["usage"]["outputTokens"]) == ("max_tokens", 3)


ERRORS = {
    "requests": ("ThrottlingException", 429, "Too many requests, please wait before trying again."),
    "tokens": ("ThrottlingException", 429, "Too many tokens, please wait before trying again."),
    "tokens-per-day": ("ThrottlingException", 429, "Too many tokens per day, please wait before trying again."),
    "not-ready": ("ModelNotReadyException", 429, "not ready"),
    "overloaded": ("overloaded_error", 529, "Overloaded"),
    "unavailable": ("ServiceUnavailableException", 503, "Bedrock is unable to process your request."),
    "connections": ("ServiceUnavailableException", 503, "Too many connections, please wait before trying again."),
    "internal": ("InternalServerException", 500, "unexpected error"),
    "timeout": ("ModelTimeoutException", 408, "timed out"),
    "model-error": ("ModelErrorException", 424, "failed"),
    "quota-exceeded": ("ServiceQuotaExceededException", 400, "quota"),
    "invalid": ("ValidationException", 400, "not valid"),
    "no-on-demand": (
        "ValidationException",
        400,
        f"Invocation of model ID {MODEL} with on-demand throughput isn't supp",
    ),
    "denied": ("AccessDeniedException", 403, "access"),
    "expired": ("ExpiredTokenException", 403, "expired"),
    "untyped": ("403", 403, "not authorized"),
    "not-found": ("ResourceNotFoundException", 404, MODEL),
    "html-503": ("503", 503, ""),
    "mid-stream": ("ModelErrorException", 424, "failed"),
}


@pytest.mark.parametrize(("kind", "expected"), ERRORS.items(), ids=ERRORS.keys())
def test_each_error_fault_raises_its_boto3_exception(emulate, kind, expected):
    client = emulate(faults=(Fault(kind),)).client()
    code, status, message = expected
    with pytest.raises(getattr(client.exceptions, code, ClientError)) as raised:
        client.converse(modelId=MODEL, **ask(TEXT))
    answer = raised.value.response
    assert answer["Error"]["Code"] == code
    assert message in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_throttle_before_a_stream_is_a_normal_error(emulate):
    client = emulate(faults=(Fault("requests"),)).client()
    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse_stream(modelId=MODEL, **ask(TEXT))


def test_a_mid_stream_fault_raises_event_stream_error(emulate):
    client = emulate(faults=(Fault("mid-stream"),)).client()
    for stream in (
        client.converse_stream(modelId=MODEL, **ask(TEXT))["stream"],
        client.invoke_model_with_response_stream(modelId=MODEL, body=claude())["body"],
    ):
        events = iter(stream)
        assert next(events)
        with closing(stream), pytest.raises(EventStreamError, match="modelStreamErrorException"):
            list(events)


def text(value: object = "x", role: object = "user") -> dict:
    return {"role": role, "content": [{"text": value}]}


def form(schema: str) -> dict:
    """An output configuration that asks for JSON."""
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}}}}


def choose(tool: object) -> dict:
    """A tool configuration that forces a tool."""
    return {"toolConfig": {"tools": [TOOL], "toolChoice": {"tool": tool}}}


INVALID = {
    "no messages": {},
    "empty messages": {"messages": []},
    "messages of the wrong type": {"messages": "hello"},
    "a message of the wrong type": {"messages": ["hello"]},
    "no role": {"messages": [{"content": [{"text": "x"}]}]},
    "unknown role": {"messages": [text(role="system")]},
    "assistant first": {"messages": [text(role="assistant")]},
    "no alternation": {"messages": [text(), text()]},
    "no content": {"messages": [{"role": "user"}]},
    "empty content": {"messages": [{"role": "user", "content": []}]},
    "content of the wrong type": {"messages": [{"role": "user", "content": "x"}]},
    "an empty block": {"messages": [{"role": "user", "content": [{}]}]},
    "text of the wrong type": {"messages": [text(7)]},
    "blank text": {"messages": [text("  ")]},
    "maxTokens below one": {"messages": [text()], "inferenceConfig": {"maxTokens": 0}},
    "maxTokens above the model's": {"messages": [text()], "inferenceConfig": {"maxTokens": 65_537}},
    "maxTokens of the wrong type": {"messages": [text()], "inferenceConfig": {"maxTokens": "9"}},
    "maxTokens true": {"messages": [text()], "inferenceConfig": {"maxTokens": True}},
    "temperature too high": {"messages": [text()], "inferenceConfig": {"temperature": 1.1}},
    "topP negative": {"messages": [text()], "inferenceConfig": {"topP": -0.1}},
    "an empty stop sequence": {"messages": [text()], "inferenceConfig": {"stopSequences": [""]}},
    "system of the wrong type": {"messages": [text()], "system": "be brief"},
    "no metadata": {"messages": [text()], "requestMetadata": {}},
    "too much metadata": {"messages": [text()], "requestMetadata": {str(at): "x" for at in range(17)}},
    "metadata of the wrong type": {"messages": [text()], "requestMetadata": {"a": 1}},
    "an unknown tool": {"messages": [text()], **choose({"name": "x"})},
    "a tool choice of the wrong type": {"messages": [text()], **choose(3)},
    "a schema that is no JSON": {"messages": [text()], **form("{")},
    "a schema without instance": {"messages": [text()], **form('{"type": "string", "pattern": "^q$"}')},
}  # fmt: skip


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
def test_invalid_input_returns_400_and_is_not_charged(emulate, body):
    running = emulate()
    status, answer = running.http("POST", f"/model/{MODEL}/converse", body)
    assert (status, running.entries[0].status, running.entries[0].charged) == (400, 400, False)
    assert json.loads(answer)["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"anthropic_version": None}, "anthropic_version"),
        ({"anthropic_version": "1"}, "Invalid API version"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "non-empty"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "type"),
        ({"messages": [{"role": "system", "content": "x"}]}, "Unexpected role"),
    ],
)
def test_invalid_anthropic_bodies_raise_validation_exception(emulate, body, message):
    client = emulate().client()
    with pytest.raises(client.exceptions.ValidationException, match=message):
        client.invoke_model(modelId=MODEL, body=claude(**body))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": NaN}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_a_json_object_raises_validation_exception(emulate, body):
    client = emulate().client()
    with pytest.raises(client.exceptions.ValidationException, match="Malformed input request"):
        client.invoke_model(modelId=MODEL, body=body)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/model/x/unknown"), ("GET", "/model/x/converse"), ("POST", "/"), ("POST", "/model/a/b/converse")],
)
def test_an_unknown_operation_returns_404(emulate, method, path):
    status, _ = emulate().http(method, path)
    assert status == 404


def test_an_invalid_model_id_raises_validation_exception(emulate):
    client = emulate().client()
    with pytest.raises(client.exceptions.ValidationException, match="model identifier is invalid"):
        client.converse(modelId="../../x y", **ask(TEXT))


def test_each_quota_throttles_with_its_own_message(emulate):
    client = emulate(rpm=2, tpm=100_000, tpd=150_000, burst=60, max_output_tokens=1_000_000).client()

    def throttled(**inference) -> str:
        with pytest.raises(client.exceptions.ThrottlingException) as raised:
            client.converse(modelId=MODEL, **ask(TEXT, **inference))
        return raised.value.response["Error"]["Message"]

    assert throttled(maxTokens=99_990) == ERRORS["tokens"][2]
    client.converse(modelId=MODEL, **ask(TEXT, maxTokens=99_000))  # its reservation is refunded at its end
    client.converse(modelId=MODEL, **ask(TEXT, maxTokens=99_000))
    assert throttled(maxTokens=1) == ERRORS["requests"][2]


def test_the_quota_per_day_throttles_with_its_own_message(emulate):
    client = emulate(tpd=100).client()
    with pytest.raises(client.exceptions.ThrottlingException, match="Too many tokens per day"):
        client.converse(modelId=MODEL, **ask(TEXT, maxTokens=100))


def test_a_reservation_is_held_while_the_model_runs(emulate):
    """Each call reserves 60% of the quota: a second one is throttled during the first, and passes after it."""
    running = emulate(tpm=1_000, burst=60, latency=0.4)
    client = running.client()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.converse, modelId=MODEL, **ask(TEXT, maxTokens=600))
        until = time.monotonic() + 5
        while not running.entries and time.monotonic() < until:
            running.http("GET", "/_emulator/stats")
        with pytest.raises(client.exceptions.ThrottlingException, match="Too many tokens, please"):
            client.converse(modelId=MODEL, **ask(TEXT, maxTokens=600))
        assert first.result()["metrics"] == {"latencyMs": 400}
    assert client.converse(modelId=MODEL, **ask(TEXT, maxTokens=600))
    assert [(entry.status, entry.charged) for entry in running.entries] == [(200, True), (429, False), (200, True)]
