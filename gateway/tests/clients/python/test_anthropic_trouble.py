"""Time-outs, clients that leave, streams that break, keys that fail: with Anthropic's SDK."""

import asyncio

import anthropic
import httpx2
import pytest
from pool import HASTY_GATEWAY

# An answer that would take minutes.
LONG = {"x-sim-output-tokens": "20000", "x-sim-chunk-interval-ms": "20"}
# One whose first content comes when every test is over.
LATE = {"x-sim-first-token-ms": "600000"}


@pytest.fixture
def client(anthropic_client):
    return anthropic_client()


@pytest.fixture
def ask(anthropic_pool):
    return {
        "model": anthropic_pool.model,
        "max_tokens": 20_000,
        "messages": [{"role": "user", "content": "Hello, mill."}],
    }


# ── time-outs ──


def test_clients_time_out_cancels_the_request(anthropic_client, anthropic_pool, ask):
    client = anthropic_client(timeout=1.0)

    with pytest.raises(anthropic.APITimeoutError):
        client.messages.create(**ask, extra_headers=LATE)

    anthropic_pool.await_cancelled()


def test_clients_time_out_in_a_stream_cancels_the_request(anthropic_client, anthropic_pool, ask):
    anthropic_pool.fault("stall", at={"after_chunks": 3})
    client = anthropic_client(timeout=1.0)

    with pytest.raises((anthropic.APITimeoutError, httpx2.ReadTimeout)):
        client.messages.stream(**ask).__enter__().until_done()

    anthropic_pool.await_cancelled()


def test_provider_answers_too_late(anthropic_client, anthropic_pool, ask):
    client = anthropic_client(gateway=HASTY_GATEWAY)

    with pytest.raises(anthropic.GatewayTimeoutError) as raised:
        client.messages.create(**ask, extra_headers=LATE)

    assert raised.value.type == "timeout_error"


def test_stream_stalls(anthropic_client, anthropic_pool, ask):
    anthropic_pool.fault("stall", at={"after_chunks": 3})
    client = anthropic_client(gateway=HASTY_GATEWAY)
    text = []

    with pytest.raises(anthropic.APIStatusError) as raised:
        with client.messages.stream(**ask) as stream:
            text.extend(stream.text_stream)

    assert len(text) == 3
    assert raised.value.type == "timeout_error"


# ── the client leaves ──


def test_abort_in_the_middle_of_a_stream(client, anthropic_pool, ask):
    with client.messages.stream(**ask, extra_headers=LONG) as stream:
        assert next(stream.text_stream)
        assert anthropic_pool.counted("requests_open") == 1

    anthropic_pool.await_cancelled()


def test_abort_before_the_answer(anthropic_client, anthropic_pool, ask):
    async def run():
        async with anthropic_client(kind=anthropic.AsyncAnthropic) as client:
            asking = asyncio.create_task(client.messages.create(**ask, extra_headers=LATE))
            while anthropic_pool.counted("requests_open") == 0:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(asyncio.wait_for(run(), timeout=15))
    anthropic_pool.await_cancelled()


# ── the stream breaks: never a silent end ──


@pytest.mark.parametrize(
    ("fault", "details", "kind"),
    [
        ("reset", {"at": {"after_chunks": 3}}, "api_error"),
        ("reset", {"at": {"after_chunks": 3}, "connection": True}, "api_error"),
        ("clean_end", {"after_chunks": 3}, "api_error"),
        ("error_event", {"after_chunks": 3}, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("helper", [True, False], ids=["helper", "events"])
def test_stream_breaks(client, anthropic_pool, ask, fault, details, kind, helper):
    anthropic_pool.fault(fault, **details)
    text = []

    with pytest.raises(anthropic.APIStatusError) as raised:
        if helper:
            with client.messages.stream(**ask) as stream:
                text.extend(stream.text_stream)
        else:
            for event in client.messages.create(**ask, stream=True):
                if event.type == "content_block_delta":
                    text.append(event.delta.text)

    # What came before the end was worth having.
    assert len(text) == 3
    assert raised.value.type == kind


# ── a key fails: nobody notices ──

FAILS_OVER = [
    ("revoked", {}),
    ("out_of_credit", {}),
    ("organization_disabled", {}),
    ("model_forbidden", {}),
    ("rate_limited", {"retry_after_secs": 100}),
    ("rate_limited_bare", {}),
    ("overloaded", {}),
    ("internal_error", {}),
    ("edge_page", {"status": 502}),
    ("garbage_on_wire", {}),
    ("reset", {"at": "before_head"}),
    ("reset", {"at": "after_head"}),
]
FAILS_OVER_IN_STREAMS = [
    ("error_event", {"after_chunks": 0}),
    ("clean_end", {"after_chunks": 0}),
    ("reset", {"at": {"after_chunks": 0}}),
]


@pytest.mark.parametrize(("fault", "details"), FAILS_OVER)
def test_failover_is_invisible(client, anthropic_pool, ask, fault, details):
    anthropic_pool.fault(fault, times=1, **details)

    answer = client.messages.with_raw_response.create(**ask)

    assert answer.parse().stop_reason == "end_turn"
    assert answer.headers["x-keyweir-attempts"] == "2"
    assert anthropic_pool.struck() == 1


@pytest.mark.parametrize(("fault", "details"), FAILS_OVER + FAILS_OVER_IN_STREAMS)
def test_failover_of_a_stream_is_invisible(client, anthropic_pool, ask, fault, details):
    anthropic_pool.fault(fault, times=1, **details)

    with client.messages.stream(**ask) as stream:
        message = stream.get_final_message()

    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 32
    assert anthropic_pool.struck() == 1
    assert anthropic_pool.counted("requests") == 2


def test_revoked_key_is_not_asked_again(client, anthropic_pool, ask):
    revoked, other = anthropic_pool.keys
    anthropic_pool.fault("revoked", key=revoked)

    for _ in range(20):
        assert client.messages.create(**ask).stop_reason == "end_turn"

    assert anthropic_pool.statuses()[200] == 20
    assert anthropic_pool.struck() <= 1


def test_20_mb_fail_over(client, anthropic_pool, ask):
    anthropic_pool.fault("overloaded", times=1)
    text = "The mill grinds. " * (20_000_000 // 17)

    client.messages.create(**{**ask, "messages": [{"role": "user", "content": text}]})

    first, second = anthropic_pool.received()
    assert first["body_len"] == second["body_len"] > 19_999_000
    assert first["body_sha256"] == second["body_sha256"]


def test_spent_budgets_are_waited_for(client, anthropic_pool, ask):
    anthropic_pool.fault("rate_limited", times=2, retry_after_secs=1)

    answer = client.messages.with_raw_response.create(**ask)

    assert answer.parse().stop_reason == "end_turn"
    assert int(answer.headers["x-keyweir-waited-ms"]) > 500
    assert anthropic_pool.statuses() == {429: 2, 200: 1}
