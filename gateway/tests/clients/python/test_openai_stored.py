"""What OpenAI's SDK stores at the provider is found again, on whichever account it is."""

import io
import json

import control
import openai
import pytest


@pytest.fixture
def client(openai_client):
    return openai_client()


def test_files(client, openai_pool):
    content = bytes(range(256)) * 100
    files = [
        client.files.create(file=(f"{number}.bin", io.BytesIO(content)), purpose="user_data")
        for number in range(4)
    ]

    for number, file in enumerate(files):
        assert client.files.retrieve(file.id).filename == f"{number}.bin"
        assert client.files.content(file.id).read() == content
    assert {file.id for file in client.files.list()} <= {file.id for file in files}
    for file in files:
        assert client.files.delete(file.id).deleted
    assert set(openai_pool.statuses()) == {200}


def test_batch_from_its_file_to_its_results(client, openai_pool):
    body = {"model": openai_pool.model, "messages": [{"role": "user", "content": "Hello, mill."}]}
    lines = [
        {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}
        for name in ("first", "second")
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    # Enough of them that both accounts get some.
    for _ in range(4):
        file = client.files.create(file=("in.jsonl", text.encode()), purpose="batch")
        made = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )

        def completed(id=made.id):
            batch = client.batches.retrieve(id)
            return batch if batch.status == "completed" else None

        batch = control.eventually(completed)
        results = client.files.content(batch.output_file_id).text.splitlines()
        assert [json.loads(line)["custom_id"] for line in results] == ["first", "second"]
    assert set(openai_pool.statuses()) == {200}


def test_batch_is_cancelled(client):
    line = {"custom_id": "only", "method": "POST", "url": "/v1/chat/completions", "body": {}}
    file = client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch")
    made = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )

    assert client.batches.cancel(made.id).id == made.id


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_stored_responses(client, openai_pool, streamed):
    def respond(**options):
        options = {"model": openai_pool.model, "input": "Hello, mill.", **options}
        if not streamed:
            return client.responses.create(**options)
        with client.responses.stream(**options) as stream:
            return stream.get_final_response()

    for _ in range(4):
        response = respond()
        assert client.responses.retrieve(response.id).id == response.id
        assert respond(previous_response_id=response.id).status == "completed"
        client.responses.delete(response.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response.id)
