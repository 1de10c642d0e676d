"""Each error, the gateway's own or the provider's, is the right exception of Anthropic's SDK."""

import json
import os

import anthropic
import pytest
from pool import HASTY_GATEWAY

HELLO = [{"role": "user", "content": "Hello, mill."}]


@pytest.fixture
def ask(anthropic_pool):
    return {"model": anthropic_pool.model, "max_tokens": 100, "messages": HELLO}


def error_body(kind, message="Said by the provider."):
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    # Spaces that no serializer would put: the body must arrive as it is.
    return json.dumps(body, indent=3)


# ── the gateway's own ──


@pytest.mark.parametrize("key", ["kw_nobodys", os.environ["KEYWEIR_FORMER_KEY"]])
def test_wrong_client_key(anthropic_client, anthropic_pool, ask, key):
    with pytest.raises(anthropic.AuthenticationError) as raised:
        anthropic_client(api_key=key).messages.create(**ask)

    assert raised.value.type == "authentication_error"
    assert anthropic_pool.counted("requests") == 0


def test_absent_client_key(anthropic_client, ask):
    with pytest.raises(anthropic.AuthenticationError):
        anthropic_client().messages.create(
            **ask, extra_headers={"Authorization": anthropic.Omit()}
        )


def test_model_that_is_not_the_tenants(anthropic_client, ask):
    client = anthropic_client(api_key=os.environ["KEYWEIR_NARROW_KEY"])

    with pytest.raises(anthropic.PermissionDeniedError) as raised:
        client.messages.create(**ask)

    assert raised.value.type == "permission_error"
    assert client.messages.create(**{**ask, "model": "allowed-model"}).content


def test_account_administration(anthropic_client):
    with pytest.raises(anthropic.PermissionDeniedError):
        anthropic_client().get("/v1/organizations/me", cast_to=object)


def test_unknown_path(anthropic_client):
    with pytest.raises(anthropic.NotFoundError) as raised:
        anthropic_client().post("/v1/nothing", cast_to=object, body={})

    assert raised.value.type == "not_found_error"


def test_wrong_method(anthropic_client):
    with pytest.raises(anthropic.APIStatusError) as raised:
        anthropic_client().get("/v1/messages", cast_to=object)

    assert raised.value.status_code == 405
    assert raised.value.response.headers["allow"] == "POST"


def test_body_above_the_limit(anthropic_client, anthropic_pool, ask):
    text = "x" * (33 * 1024 * 1024)

    with pytest.raises(anthropic.ContentTooLargeError) as raised:
        anthropic_client().messages.create(**{**ask, "messages": [{"role": "user", "content": text}]})

    assert raised.value.type == "request_too_large"
    assert anthropic_pool.counted("requests") == 0


def test_body_without_a_model(anthropic_client):
    with pytest.raises(anthropic.BadRequestError) as raised:
        anthropic_client().post("/v1/messages", cast_to=object, body={"messages": HELLO})

    assert "model" in raised.value.message


# ── the request's fault: the provider's answer passes through, and nobody else is asked ──


@pytest.mark.parametrize(
    ("status", "kind", "exception"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (404, "not_found_error", anthropic.NotFoundError),
        (409, "conflict_error", anthropic.ConflictError),
        (413, "request_too_large", anthropic.ContentTooLargeError),
        (422, "invalid_request_error", anthropic.UnprocessableEntityError),
    ],
)
def test_error_of_the_request(anthropic_client, anthropic_pool, ask, status, kind, exception):
    body = error_body(kind)
    anthropic_pool.answer(status, body, **{"request-id": "req_1"})

    with pytest.raises(exception) as raised:
        anthropic_client().messages.create(**ask)

    assert type(raised.value) is exception
    assert raised.value.type == kind
    assert raised.value.request_id == "req_1"
    assert raised.value.response.text == body
    assert anthropic_pool.counted("requests") == 1


def test_error_of_the_request_where_a_stream_was_asked_for(anthropic_client, ask):
    with pytest.raises(anthropic.BadRequestError) as raised:
        with anthropic_client().messages.stream(**{**ask, "max_tokens": 0}):
            pass

    assert "max_tokens" in raised.value.message


# ── every key fails: the client is told, in its own dialect ──


@pytest.mark.parametrize(
    ("fault", "exception", "status", "kind"),
    [
        ("model_forbidden", anthropic.PermissionDeniedError, 403, "permission_error"),
        ("model_missing", anthropic.NotFoundError, 404, "not_found_error"),
        ("too_large_for_limit", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("internal_error", anthropic.InternalServerError, 500, "api_error"),
        ("revoked", anthropic.ServiceUnavailableError, 503, "api_error"),
        ("out_of_credit", anthropic.ServiceUnavailableError, 503, "api_error"),
        ("timed_out", anthropic.GatewayTimeoutError, 504, "timeout_error"),
        ("overloaded", anthropic.OverloadedError, 529, "overloaded_error"),
    ],
)
def test_every_key_fails(anthropic_client, anthropic_pool, ask, fault, exception, status, kind):
    anthropic_pool.fault(fault)

    with pytest.raises(exception) as raised:
        anthropic_client(gateway=HASTY_GATEWAY).messages.create(**ask)

    assert type(raised.value) is exception
    assert raised.value.status_code == status
    assert raised.value.type == kind
    assert anthropic_pool.counted("requests") == 2


def test_storm_lasts_longer_than_the_clients_patience(anthropic_client, anthropic_pool, ask):
    anthropic_pool.fault("overloaded")
    client = anthropic_client(default_headers={"x-keyweir-patience": "1"})

    with pytest.raises(anthropic.OverloadedError):
        client.messages.create(**ask)


def test_every_budget_is_spent(anthropic_client, anthropic_pool, ask):
    anthropic_pool.fault("rate_limited", retry_after_secs=100)

    with pytest.raises(anthropic.RateLimitError) as raised:
        anthropic_client().messages.create(**ask)

    assert raised.value.type == "rate_limit_error"
    assert 95 <= int(raised.value.response.headers["retry-after"]) <= 100
    assert anthropic_pool.statuses() == {429: 2}


def test_sdk_returns_when_it_was_told_to(anthropic_client, anthropic_pool, ask):
    anthropic_pool.fault("rate_limited", times=2, retry_after_secs=1)
    client = anthropic_client(max_retries=1, default_headers={"x-keyweir-patience": "0"})

    answer = client.messages.with_raw_response.create(**ask)

    assert answer.retries_taken == 1
    assert anthropic_pool.statuses() == {429: 2, 200: 1}
