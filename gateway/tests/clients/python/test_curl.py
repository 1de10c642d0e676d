"""curl, over HTTP/1.1 and HTTP/2, in the clear and over TLS."""

import json
import os
import subprocess

import pytest
from pool import CLIENT_KEY, GATEWAY

CLEAR = os.environ["KEYWEIR_CLEAR_URL"]
TRANSPORTS = {
    "clear HTTP/1.1": (CLEAR, "--http1.1", "1.1"),
    "clear HTTP/2": (CLEAR, "--http2-prior-knowledge", "2"),
    # An offer to upgrade, which a server need not take.
    "clear, upgradable": (CLEAR, "--http2", "1.1"),
    "TLS HTTP/1.1": (GATEWAY, "--http1.1", "1.1"),
    "TLS HTTP/2": (GATEWAY, "--http2", "2"),
}
AUTH = ["--header", f"x-api-key: {CLIENT_KEY}", "--header", "anthropic-version: 2023-06-01"]
SECS_MAX = "30"
CURLE_HTTP2_STREAM = 92


class Answer:
    def __init__(self, printed):
        self.body, _, facts = printed.rpartition("\n")
        self.status, self.version = facts.split()


@pytest.fixture(params=TRANSPORTS.values(), ids=TRANSPORTS.keys())
def curl(request, anthropic_pool):
    """Asks the gateway for a path, over each transport in turn."""
    base, option, version = request.param

    def cut_its_own_upload(ran):
        """curl 7.88 ends its upload as if it were complete when it has read the head of an error,
        which RFC 9113 section 8.1.1 makes an error of the stream: what of the answer's body is not
        under way yet is lost then, on any server."""
        return ran.returncode == CURLE_HTTP2_STREAM and "PROTOCOL_ERROR" in ran.stderr

    def run(path, *arguments):
        url = f"{base}/{anthropic_pool.name}{path}"
        facts = r"\n%{http_code} %{http_version}"
        command = ["curl", "--silent", "--show-error", "--max-time", SECS_MAX, option, url]
        command += ["--write-out", facts, *arguments]
        ran = subprocess.run(command, capture_output=True, text=True)
        answer = Answer(ran.stdout)
        if not (version == "2" and answer.status == "413" and cut_its_own_upload(ran)):
            assert ran.returncode == 0, ran.stderr
        assert answer.version == version
        return answer

    return run


@pytest.fixture
def body(anthropic_pool):
    return {
        "model": anthropic_pool.model,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hello, mill."}],
    }


def test_create(curl, body):
    answer = curl("/v1/messages", *AUTH, "--data", json.dumps(body))

    assert answer.status == "200"
    assert json.loads(answer.body)["stop_reason"] == "end_turn"


def test_stream(curl, body):
    answer = curl("/v1/messages", *AUTH, "--data", json.dumps({**body, "stream": True}))

    assert answer.status == "200"
    events = [line for line in answer.body.splitlines() if line.startswith("event: ")]
    assert (events[0], events[-1]) == ("event: message_start", "event: message_stop")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_body_of_20_mb(curl, anthropic_pool, body, chunked, tmp_path):
    body["messages"][0]["content"] = "x" * 20_000_000
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body))
    headers = ["--header", "Transfer-Encoding: chunked"] if chunked else []

    answer = curl("/v1/messages", *AUTH, *headers, "--data-binary", f"@{file}")

    assert answer.status == "200"
    [received] = anthropic_pool.received()
    assert received["body_len"] == file.stat().st_size


def test_wrong_client_key(curl, body):
    answer = curl("/v1/messages", "--header", "x-api-key: kw_nobodys", "--data", json.dumps(body))

    assert answer.status == "401"
    assert json.loads(answer.body)["error"]["type"]


def test_body_above_the_limit(curl, tmp_path):
    file = tmp_path / "body"
    file.write_bytes(b" " * (33 * 1024 * 1024))

    answer = curl("/v1/messages", *AUTH, "--data-binary", f"@{file}")

    assert answer.status == "413"
    if answer.body or answer.version == "1.1":
        assert json.loads(answer.body)["error"]["type"] == "request_too_large"


def test_probe_of_coding_agents(curl):
    assert curl("/api/hello", "--head").status == "200"
    assert curl("/v1/models?limit=1000", *AUTH).status == "200"
