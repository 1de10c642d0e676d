"""Anthropic's SDK for Python does through the gateway what it does without."""

import asyncio
import hashlib
import os
import ssl

import anthropic
import pytest
from pool import CLIENT_KEY, GATEWAY

HELLO = [{"role": "user", "content": "Hello, mill."}]
WEATHER = {
    "name": "get_weather",
    "description": "Says what the weather is.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}
# What the simulated provider fills in for that schema.
WEATHER_INPUT = {"city": "sample", "days": 1}
STREAM_OF_TEXT = ["message_start", "content_block_start", "content_block_delta"]
STREAM_OF_TEXT += ["content_block_stop", "message_delta", "message_stop"]


@pytest.fixture
def client(anthropic_client):
    return anthropic_client()


@pytest.fixture
def ask(anthropic_pool):
    """What every message needs."""
    return {"model": anthropic_pool.model, "max_tokens": 100, "messages": HELLO}


def test_create(client, ask):
    message = client.messages.create(**ask)

    assert message.model == ask["model"]
    assert message.stop_reason == "end_turn"
    assert message.content[0].text.startswith("The mill turns")
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens == 32


def test_create_without_a_name_in_the_base_url(ask):
    client = anthropic.Anthropic(base_url=GATEWAY, api_key=CLIENT_KEY, max_retries=0)

    assert client.messages.create(**ask).stop_reason == "end_turn"
    assert list(client.models.list())
    assert client.files.list().data == []


def test_headers_of_the_answer_are_the_providers_but_for_its_keys(client, ask):
    answer = client.messages.with_raw_response.create(**ask)

    assert answer.parse()._request_id == answer.headers["request-id"]
    assert answer.headers["x-keyweir-attempts"] == "1"
    names = {name.lower() for name in answer.headers}
    assert not [name for name in names if name.startswith("anthropic-")]


@pytest.mark.parametrize(
    "credential",
    [
        {"api_key": CLIENT_KEY},
        {"auth_token": CLIENT_KEY, "api_key": None},
        {"api_key": None, "default_headers": {"X-Api-Key": CLIENT_KEY}},
    ],
    ids=["api_key", "auth_token", "x-api-key"],
)
def test_the_clients_key_is_taken_and_replaced(anthropic_client, anthropic_pool, ask, credential):
    anthropic_client(**credential).messages.create(**ask)

    [received] = anthropic_pool.received()
    assert received["headers"]["x-api-key"] in anthropic_pool.keys
    assert CLIENT_KEY not in str(received)


def test_request_arrives_as_it_was_sent(anthropic_client, anthropic_pool, ask):
    sent = []
    http_client = anthropic.DefaultHttpxClient(event_hooks={"request": [sent.append]})
    client = anthropic_client(http_client=http_client)

    client.beta.messages.create(
        **ask,
        betas=["some-beta-2026-01-01"],
        extra_headers={"x-own": "1"},
        extra_query={"beta": "true"},
        extra_body={"unknown": {"kept": [1.50, None]}},
    )

    [received] = anthropic_pool.received()
    assert received["uri"].endswith("/v1/messages?beta=true")
    assert received["body_sha256"] == hashlib.sha256(sent[0].content).hexdigest()
    for name in ["anthropic-version", "anthropic-beta", "x-own", "user-agent", "content-type"]:
        assert received["headers"][name] == sent[0].headers[name]


def test_stream_of_events(client, ask):
    kinds = [event.type for event in client.messages.create(**ask, stream=True)]

    assert list(dict.fromkeys(kinds)) == STREAM_OF_TEXT
    assert kinds.count("content_block_delta") > 1


def test_stream_helper(client, ask):
    with client.messages.stream(**ask) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()

    assert message.content[0].text == text
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens == 32


def test_thinking_is_streamed(client, ask):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    with client.messages.stream(**{**ask, "max_tokens": 2048}, thinking=thinking) as stream:
        message = stream.get_final_message()

    assert [block.type for block in message.content] == ["thinking", "text"]


def test_async_stream_over_http2(anthropic_client, ask):
    async def run():
        client = anthropic_client(
            kind=anthropic.AsyncAnthropic,
            http_client=anthropic.DefaultAsyncHttpxClient(http2=True),
        )
        async with client, client.messages.stream(**ask) as stream:
            assert stream.response.http_version == "HTTP/2"
            return await stream.get_final_message()

    assert asyncio.run(run()).usage.output_tokens == 32


def test_tools(client, ask):
    called = client.messages.create(**ask, tools=[WEATHER])

    assert called.stop_reason == "tool_use"
    [call] = [block for block in called.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", WEATHER_INPUT)

    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Rain."}
    turns = [
        *HELLO,
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": [result]},
    ]
    answered = client.messages.create(**{**ask, "messages": turns}, tools=[WEATHER])

    assert answered.stop_reason == "end_turn"


def test_tool_input_is_streamed(client, ask):
    choice = {"type": "tool", "name": "get_weather"}
    with client.messages.stream(**ask, tools=[WEATHER], tool_choice=choice) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        message = stream.get_final_message()

    assert len([piece for piece in pieces if piece]) > 1
    assert message.stop_reason == "tool_use"
    assert message.content[-1].input == WEATHER_INPUT


def test_count_tokens(client, ask):
    counted = client.messages.count_tokens(model=ask["model"], messages=HELLO, tools=[WEATHER])

    assert counted.input_tokens > 20


def test_models(client):
    # The SDK asks for further pages by itself.
    listed = [model.id for model in client.models.list(limit=1)]

    assert listed == ["claude-sim-large", "claude-sim-small"]
    assert client.models.retrieve("claude-sim-small").id == "claude-sim-small"


def test_body_of_20_mb(anthropic_client, anthropic_pool, ask):
    sent = []
    http_client = anthropic.DefaultHttpxClient(event_hooks={"request": [sent.append]})
    client = anthropic_client(http_client=http_client)
    text = "The mill grinds. " * (20_000_000 // 17)

    message = client.messages.create(**{**ask, "messages": [{"role": "user", "content": text}]})

    assert message.usage.input_tokens > 5_000_000
    [received] = anthropic_pool.received()
    assert received["body_len"] > 19_999_000
    assert received["body_sha256"] == hashlib.sha256(sent[0].content).hexdigest()


def test_authority_named_in_code(anthropic_client, ask):
    # Beside the environment, the way to trust a company's own authority.
    trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    http_client = anthropic.DefaultHttpxClient(verify=trust, trust_env=False)

    assert anthropic_client(http_client=http_client).messages.create(**ask).content


def test_gateway_is_not_trusted_without_its_authority(anthropic_client, ask):
    knows_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    http_client = anthropic.DefaultHttpxClient(verify=knows_nobody)

    with pytest.raises(anthropic.APIConnectionError) as raised:
        anthropic_client(http_client=http_client).messages.create(**ask)

    assert "certificate" in str(raised.value.__cause__).lower()

