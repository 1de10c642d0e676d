"""Each error, the gateway's own or the provider's, is the right exception of OpenAI's SDK."""

import json
import os

import openai
import pytest
from pool import HASTY_GATEWAY

HELLO = [{"role": "user", "content": "Hello, mill."}]


@pytest.fixture
def ask(openai_pool):
    return {"model": openai_pool.model, "messages": HELLO}


def error_body(code, message="Said by the provider."):
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    # Spaces that no serializer would put: the body must arrive as it is.
    return json.dumps({"error": error}, indent=3)


# ── the gateway's own ──


@pytest.mark.parametrize("key", ["kw_nobodys", os.environ["KEYWEIR_FORMER_KEY"]])
def test_wrong_client_key(openai_client, openai_pool, ask, key):
    with pytest.raises(openai.AuthenticationError) as raised:
        openai_client(api_key=key).chat.completions.create(**ask)

    assert raised.value.code == "invalid_api_key"
    assert openai_pool.counted("requests") == 0


def test_model_that_is_not_the_tenants(openai_client, ask):
    client = openai_client(api_key=os.environ["KEYWEIR_NARROW_KEY"])

    with pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(**ask)

    assert client.chat.completions.create(**{**ask, "model": "allowed-model"}).choices


def test_account_administration(openai_client):
    with pytest.raises(openai.PermissionDeniedError):
        openai_client().get("/organization/users", cast_to=object)


def test_unknown_path(openai_client):
    with pytest.raises(openai.NotFoundError) as raised:
        openai_client().post("/nothing", cast_to=object, body={})

    assert raised.value.type == "invalid_request_error"


def test_wrong_method(openai_client):
    with pytest.raises(openai.APIStatusError) as raised:
        openai_client().get("/embeddings", cast_to=object)

    assert raised.value.status_code == 405
    assert raised.value.response.headers["allow"] == "POST"


def test_body_above_the_limit(openai_client, openai_pool, ask):
    text = "x" * (33 * 1024 * 1024)

    with pytest.raises(openai.APIStatusError) as raised:
        openai_client().chat.completions.create(
            **{**ask, "messages": [{"role": "user", "content": text}]}
        )

    # This SDK has no exception of its own for it.
    assert raised.value.status_code == 413
    assert raised.value.code == "request_too_large"
    assert openai_pool.counted("requests") == 0


def test_body_without_a_model(openai_client):
    with pytest.raises(openai.BadRequestError) as raised:
        openai_client().post("/chat/completions", cast_to=object, body={"messages": HELLO})

    assert "model" in raised.value.message


# ── the request's fault: the provider's answer passes through, and nobody else is asked ──


@pytest.mark.parametrize(
    ("status", "code", "exception"),
    [
        (400, "context_length_exceeded", openai.BadRequestError),
        (403, "content_policy_violation", openai.PermissionDeniedError),
        (404, "no_such_thing", openai.NotFoundError),
        (409, "conflict", openai.ConflictError),
        (413, "too_large", openai.APIStatusError),
        (422, "unprocessable", openai.UnprocessableEntityError),
    ],
)
def test_error_of_the_request(openai_client, openai_pool, ask, status, code, exception):
    body = error_body(code)
    openai_pool.answer(status, body, **{"x-request-id": "req_1"})

    with pytest.raises(exception) as raised:
        openai_client().chat.completions.create(**ask)

    assert type(raised.value) is exception
    assert raised.value.status_code == status
    assert raised.value.code == code
    assert raised.value.request_id == "req_1"
    assert raised.value.response.text == body
    assert openai_pool.counted("requests") == 1


def test_error_of_the_request_where_a_stream_was_asked_for(openai_client, openai_pool):
    with pytest.raises(openai.BadRequestError) as raised:
        with openai_client().responses.stream(
            model=openai_pool.model, input="Hello.", previous_response_id="resp_nobodys"
        ):
            pass

    assert raised.value.code == "previous_response_not_found"


# ── every key fails: the client is told, in its own dialect ──


@pytest.mark.parametrize(
    ("fault", "exception", "status"),
    [
        ("model_forbidden", openai.PermissionDeniedError, 403),
        ("model_missing", openai.NotFoundError, 404),
        ("too_large_for_limit", openai.RateLimitError, 429),
        ("internal_error", openai.InternalServerError, 500),
        ("revoked", openai.InternalServerError, 503),
        ("out_of_credit", openai.InternalServerError, 503),
        ("overloaded", openai.InternalServerError, 503),
        ("timed_out", openai.InternalServerError, 504),
    ],
)
def test_every_key_fails(openai_client, openai_pool, ask, fault, exception, status):
    openai_pool.fault(fault)

    with pytest.raises(exception) as raised:
        openai_client(gateway=HASTY_GATEWAY).chat.completions.create(**ask)

    assert type(raised.value) is exception
    assert raised.value.status_code == status
    assert raised.value.type
    assert openai_pool.counted("requests") == 2


def test_storm_lasts_longer_than_the_clients_patience(openai_client, openai_pool, ask):
    openai_pool.fault("overloaded")
    client = openai_client(default_headers={"x-keyweir-patience": "1"})

    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(**ask)

    assert raised.value.status_code == 503


def test_every_budget_is_spent(openai_client, openai_pool, ask):
    openai_pool.fault("rate_limited", retry_after_secs=100)

    with pytest.raises(openai.RateLimitError) as raised:
        openai_client().chat.completions.create(**ask)

    assert raised.value.code == "rate_limit_exceeded"
    assert 95 <= int(raised.value.response.headers["retry-after"]) <= 100
    assert openai_pool.statuses() == {429: 2}


def test_sdk_returns_when_it_was_told_to(openai_client, openai_pool, ask):
    openai_pool.fault("rate_limited", times=2, retry_after_secs=1)
    client = openai_client(max_retries=1, default_headers={"x-keyweir-patience": "0"})

    answer = client.chat.completions.with_raw_response.create(**ask)

    assert answer.retries_taken == 1
    assert openai_pool.statuses() == {429: 2, 200: 1}
