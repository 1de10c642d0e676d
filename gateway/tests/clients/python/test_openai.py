"""OpenAI's SDK for Python does through the gateway what it does without."""

import asyncio
import hashlib
import os

import openai
import pytest
from pool import CLIENT_KEY, GATEWAY

HELLO = [{"role": "user", "content": "Hello, mill."}]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
# Chat completions and responses declare the same function differently.
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
RESPONSE_TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": PARAMETERS,
    "strict": False,
}
# What the simulated provider fills in for those parameters.
ARGUMENTS = '{"city":"sample","days":1}'


@pytest.fixture
def client(openai_client):
    return openai_client()


@pytest.fixture
def model(openai_pool):
    return openai_pool.model


# ── chat completions ──


def test_create(client, model):
    completion = client.chat.completions.create(model=model, messages=HELLO)

    assert completion.model == model
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content.startswith("The mill turns")
    assert completion.usage.prompt_tokens > 0
    assert completion.usage.completion_tokens == 32


def test_create_without_a_name_in_the_base_url(model):
    client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=CLIENT_KEY, max_retries=0)

    assert client.chat.completions.create(model=model, messages=HELLO).choices
    assert list(client.models.list())
    assert client.files.list().data == []


def test_headers_of_the_answer_are_the_providers_but_for_its_keys(client, model):
    answer = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)

    assert answer.parse()._request_id == answer.headers["x-request-id"]
    assert answer.headers["x-keyweir-attempts"] == "1"
    names = {name.lower() for name in answer.headers}
    assert not [name for name in names if name.startswith("x-ratelimit-")]
    assert not {"openai-organization", "openai-project"} & names


def test_the_clients_key_and_organization_are_taken_and_replaced(openai_client, openai_pool, model):
    client = openai_client(organization="org-of-the-client", project="project-of-the-client")

    client.chat.completions.create(model=model, messages=HELLO)

    [received] = openai_pool.received()
    assert received["headers"]["authorization"].removeprefix("Bearer ") in openai_pool.keys
    assert CLIENT_KEY not in str(received)
    assert "of-the-client" not in str(received)


def test_request_arrives_as_it_was_sent(openai_client, openai_pool, model):
    sent = []
    http_client = openai.DefaultHttpxClient(event_hooks={"request": [sent.append]})
    client = openai_client(http_client=http_client)

    client.chat.completions.create(
        model=model,
        messages=HELLO,
        extra_headers={"x-own": "1"},
        extra_query={"own": "a b"},
        extra_body={"unknown": {"kept": [1.50, None]}},
    )

    [received] = openai_pool.received()
    assert received["uri"].endswith("/v1/chat/completions?" + sent[0].url.query.decode())
    assert received["body_sha256"] == hashlib.sha256(sent[0].content).hexdigest()
    for name in ["x-own", "user-agent", "content-type"]:
        assert received["headers"][name] == sent[0].headers[name]


def test_stream_of_chunks(client, model):
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith("The mill")
    assert len(chunks) > 2
    # Not asked for, so not there.
    assert chunks[-1].usage is None


def test_stream_helper_with_usage(client, model):
    usage = {"include_usage": True}
    with client.chat.completions.stream(
        model=model, messages=HELLO, stream_options=usage
    ) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        completion = stream.get_final_completion()

    assert completion.choices[0].message.content == text
    assert completion.usage.completion_tokens == 32


def test_async_stream_over_http2(openai_client, model):
    async def run():
        http_client = openai.DefaultAsyncHttpxClient(http2=True)
        async with openai_client(kind=openai.AsyncOpenAI, http_client=http_client) as client:
            chunks = await client.chat.completions.create(model=model, messages=HELLO, stream=True)
            assert chunks.response.http_version == "HTTP/2"
            return [chunk async for chunk in chunks]

    assert asyncio.run(run())[-1].choices[0].finish_reason == "stop"


def test_tools(client, model):
    called = client.chat.completions.create(model=model, messages=HELLO, tools=[CHAT_TOOL])

    assert called.choices[0].finish_reason == "tool_calls"
    [call] = called.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", ARGUMENTS)

    turns = [
        *HELLO,
        called.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "Rain."},
    ]
    answered = client.chat.completions.create(model=model, messages=turns, tools=[CHAT_TOOL])

    assert answered.choices[0].finish_reason == "stop"


def test_tool_arguments_are_streamed(client, model):
    kind = "tool_calls.function.arguments.delta"
    with client.chat.completions.stream(
        model=model, messages=HELLO, tools=[CHAT_TOOL]
    ) as stream:
        pieces = [event.arguments_delta for event in stream if event.type == kind]
        completion = stream.get_final_completion()

    assert len(pieces) > 1
    assert "".join(pieces) == ARGUMENTS
    [call] = completion.choices[0].message.tool_calls
    assert call.function.arguments == ARGUMENTS


# ── responses ──


def test_response(client, model):
    response = client.responses.create(model=model, input="Hello, mill.")

    assert response.status == "completed"
    assert response.output_text.startswith("The mill turns")
    assert response.usage.output_tokens == 32


def test_response_stream_helper(client, model):
    with client.responses.stream(model=model, input="Hello, mill.") as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        response = stream.get_final_response()

    assert response.output_text == text
    assert response.usage.output_tokens == 32


def test_response_tools_are_streamed(client, model):
    kind = "response.function_call_arguments.delta"
    with client.responses.stream(model=model, input="Hello.", tools=[RESPONSE_TOOL]) as stream:
        pieces = [event.delta for event in stream if event.type == kind]
        response = stream.get_final_response()

    assert len(pieces) > 1
    [call] = [item for item in response.output if item.type == "function_call"]
    assert call.arguments == "".join(pieces) == ARGUMENTS

    result = {"type": "function_call_output", "call_id": call.call_id, "output": "Rain."}
    answered = client.responses.create(
        model=model, input=[result], previous_response_id=response.id, tools=[RESPONSE_TOOL]
    )
    assert answered.output_text.startswith("The mill turns")


def test_count_tokens(client, model):
    counted = client.responses.input_tokens.count(model=model, input="Hello, mill. " * 100)

    assert counted.input_tokens > 300


# ── the rest ──


def test_embeddings(client, model):
    # The SDK asks for base64 and unpacks it.
    answer = client.embeddings.create(model=model, input=["Hello", "mill"], dimensions=16)

    assert [len(one.embedding) for one in answer.data] == [16, 16]
    assert answer.usage.prompt_tokens > 0


def test_models(client):
    assert [model.id for model in client.models.list()] == ["gpt-sim", "gpt-sim-mini"]
    assert client.models.retrieve("gpt-sim").id == "gpt-sim"


def test_body_of_20_mb(openai_client, openai_pool, model):
    sent = []
    http_client = openai.DefaultHttpxClient(event_hooks={"request": [sent.append]})
    client = openai_client(http_client=http_client)
    text = "The mill grinds. " * (20_000_000 // 17)

    completion = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}]
    )

    assert completion.usage.prompt_tokens > 5_000_000
    [received] = openai_pool.received()
    assert received["body_len"] > 19_999_000
    assert received["body_sha256"] == hashlib.sha256(sent[0].content).hexdigest()


def test_in_the_clear(openai_pool, model):
    base_url = f"{os.environ['KEYWEIR_CLEAR_URL']}/{openai_pool.name}/v1"
    client = openai.OpenAI(base_url=base_url, api_key=CLIENT_KEY, max_retries=0)

    assert client.chat.completions.create(model=model, messages=HELLO).choices
