"""Time-outs, clients that leave, streams that break, keys that fail: with OpenAI's SDK."""

import asyncio

import openai
import pytest
from pool import HASTY_GATEWAY

# An answer that would take minutes.
LONG = {"x-sim-output-tokens": "20000", "x-sim-chunk-interval-ms": "20"}
# One whose first content comes when every test is over.
LATE = {"x-sim-first-token-ms": "600000"}


@pytest.fixture
def client(openai_client):
    return openai_client()


@pytest.fixture
def ask(openai_pool):
    return {
        "model": openai_pool.model,
        "messages": [{"role": "user", "content": "Hello, mill."}],
    }


@pytest.fixture(params=["chat", "responses"])
def stream(request, client, openai_pool, ask):
    """Streams an answer of either API, through the SDK's helper; yields its pieces of text."""

    def chat(client=client, **options):
        with client.chat.completions.stream(**ask, **options) as events:
            deltas = (event.delta for event in events if event.type == "content.delta")
            yield from filter(None, deltas)
            assert events.get_final_completion().choices[0].finish_reason == "stop"

    def responses(client=client, **options):
        model = openai_pool.model
        with client.responses.stream(model=model, input="Hello, mill.", **options) as events:
            kind = "response.output_text.delta"
            yield from (event.delta for event in events if event.type == kind)
            assert events.get_final_response().status == "completed"

    return chat if request.param == "chat" else responses


# ── time-outs ──


def test_clients_time_out_cancels_the_request(openai_client, openai_pool, ask):
    client = openai_client(timeout=1.0)

    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**ask, extra_headers=LATE)

    openai_pool.await_cancelled()


def test_clients_time_out_in_a_stream_cancels_the_request(openai_client, openai_pool, stream):
    openai_pool.fault("stall", at={"after_chunks": 3})

    with pytest.raises(openai.APITimeoutError):
        list(stream(openai_client(timeout=1.0)))

    openai_pool.await_cancelled()


def test_provider_answers_too_late(openai_client, ask):
    client = openai_client(gateway=HASTY_GATEWAY)

    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(**ask, extra_headers=LATE)

    assert (raised.value.status_code, raised.value.code) == (504, "timeout")


def test_stream_stalls(openai_client, openai_pool, stream):
    openai_pool.fault("stall", at={"after_chunks": 3})
    text = []

    with pytest.raises(openai.APIError) as raised:
        text.extend(stream(openai_client(gateway=HASTY_GATEWAY)))

    assert len(text) == 3
    assert raised.value.code == "timeout"


# ── the client leaves ──


def test_abort_in_the_middle_of_a_stream(openai_pool, stream):
    pieces = stream(extra_headers=LONG)
    assert next(pieces)
    assert openai_pool.counted("requests_open") == 1

    # As leaving the helper's `with` does.
    pieces.close()

    openai_pool.await_cancelled()


def test_abort_before_the_answer(openai_client, openai_pool, ask):
    async def run():
        async with openai_client(kind=openai.AsyncOpenAI) as client:
            create = client.chat.completions.create
            asking = asyncio.create_task(create(**ask, extra_headers=LATE))
            while openai_pool.counted("requests_open") == 0:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(asyncio.wait_for(run(), timeout=15))
    openai_pool.await_cancelled()


# ── the stream breaks: never a silent end ──


@pytest.mark.parametrize(
    ("fault", "details", "code"),
    [
        ("reset", {"at": {"after_chunks": 3}}, "service_unavailable"),
        ("reset", {"at": {"after_chunks": 3}, "connection": True}, "service_unavailable"),
        ("clean_end", {"after_chunks": 3}, "service_unavailable"),
    ],
)
def test_stream_breaks(openai_pool, stream, fault, details, code):
    openai_pool.fault(fault, **details)
    text = []

    with pytest.raises(openai.APIError) as raised:
        text.extend(stream())

    # What came before the end was worth having.
    assert len(text) == 3
    assert raised.value.code == code


def test_error_event_of_a_completion_arrives(client, openai_pool, ask):
    openai_pool.fault("error_event", after_chunks=3)

    with pytest.raises(openai.APIError) as raised:
        list(client.chat.completions.create(**ask, stream=True))

    assert raised.value.code == "overloaded"


def test_error_event_of_a_response_arrives(client, openai_pool):
    openai_pool.fault("error_event", after_chunks=3)

    # The SDK knows this event, and raises nothing for it.
    *_, last = client.responses.create(model=openai_pool.model, input="Hello.", stream=True)

    assert (last.type, last.code) == ("error", "overloaded")


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
def test_failover_is_invisible(client, openai_pool, ask, fault, details):
    openai_pool.fault(fault, times=1, **details)

    answer = client.chat.completions.with_raw_response.create(**ask)

    assert answer.parse().choices[0].finish_reason == "stop"
    assert answer.headers["x-keyweir-attempts"] == "2"
    assert openai_pool.struck() == 1


@pytest.mark.parametrize(("fault", "details"), FAILS_OVER + FAILS_OVER_IN_STREAMS)
def test_failover_of_a_stream_is_invisible(openai_pool, stream, fault, details):
    openai_pool.fault(fault, times=1, **details)

    assert "".join(stream()).startswith("The mill turns")

    assert openai_pool.struck() == 1
    assert openai_pool.counted("requests") == 2


def test_revoked_key_is_not_asked_again(client, openai_pool, ask):
    revoked, _ = openai_pool.keys
    openai_pool.fault("revoked", key=revoked)

    for _ in range(20):
        assert client.chat.completions.create(**ask).choices[0].finish_reason == "stop"

    assert openai_pool.statuses()[200] == 20
    assert openai_pool.struck() <= 1


def test_20_mb_fail_over(client, openai_pool, ask):
    openai_pool.fault("overloaded", times=1)
    text = "The mill grinds. " * (20_000_000 // 17)

    client.chat.completions.create(**{**ask, "messages": [{"role": "user", "content": text}]})

    first, second = openai_pool.received()
    assert first["body_len"] == second["body_len"] > 19_999_000
    assert first["body_sha256"] == second["body_sha256"]


def test_spent_budgets_are_waited_for(client, openai_pool, ask):
    openai_pool.fault("rate_limited", times=2, retry_after_secs=1)

    answer = client.chat.completions.with_raw_response.create(**ask)

    assert answer.parse().choices[0].finish_reason == "stop"
    assert int(answer.headers["x-keyweir-waited-ms"]) > 500
    assert openai_pool.statuses() == {429: 2, 200: 1}
