"""What Anthropic's SDK stores at the provider is found again, on whichever account it is."""

import io
import os

import anthropic
import control
import pytest


@pytest.fixture
def client(anthropic_client):
    return anthropic_client()


@pytest.fixture
def batch_requests(anthropic_pool):
    params = {
        "model": anthropic_pool.model,
        "max_tokens": 10,
        "messages": [{"role": "user", "content": "Hello, mill."}],
    }
    return [{"custom_id": name, "params": params} for name in ("first", "second")]


def test_batch_from_its_making_to_its_results(client, anthropic_pool, batch_requests):
    made = client.messages.batches.create(requests=batch_requests)
    assert made.processing_status == "in_progress"

    def ended():
        batch = client.messages.batches.retrieve(made.id)
        return batch if batch.processing_status == "ended" else None

    batch = control.eventually(ended)
    assert batch.results_url.startswith(f"{anthropic_pool.url()}/v1/messages/batches/{made.id}/")

    # The SDK follows `results_url` as it stands, with the client's key.
    results = list(client.messages.batches.results(made.id))
    assert [one.custom_id for one in results] == ["first", "second"]
    assert results[0].result.message.content[0].text == "The mill turns."
    # Nobody was asked who did not know the batch.
    assert set(anthropic_pool.statuses()) == {200}


def test_results_are_found_without_a_name_in_the_base_url(batch_requests):
    client = anthropic.Anthropic(
        base_url=os.environ["KEYWEIR_CLEAR_URL"], api_key=os.environ["KEYWEIR_KEY"], max_retries=0
    )
    made = client.messages.batches.create(requests=batch_requests)
    retrieve = client.messages.batches.retrieve
    control.eventually(lambda: retrieve(made.id).processing_status == "ended")

    assert retrieve(made.id).results_url.startswith(os.environ["KEYWEIR_CLEAR_URL"])
    assert len(list(client.messages.batches.results(made.id))) == 2


def test_batches_are_cancelled_listed_and_deleted(client, batch_requests):
    batches = client.messages.batches
    ids = {batches.create(requests=batch_requests).id for _ in range(4)}

    assert {batches.cancel(id).id for id in ids} == ids
    for id in ids:
        control.eventually(lambda id=id: batches.retrieve(id).processing_status == "ended")
    assert {batch.id for batch in batches.list()} <= ids
    for id in ids:
        assert batches.delete(id).type == "message_batch_deleted"


def test_files(client, anthropic_pool):
    content = bytes(range(256)) * 100
    files = [
        client.files.upload(file=(f"{number}.bin", io.BytesIO(content), "application/octet-stream"))
        for number in range(4)
    ]

    for number, file in enumerate(files):
        assert client.files.retrieve_metadata(file.id).filename == f"{number}.bin"
        assert client.files.download(file.id).read() == content
    assert {file.id for file in client.files.list()} <= {file.id for file in files}
    for file in files:
        assert client.files.delete(file.id).id == file.id
    assert set(anthropic_pool.statuses()) == {200}
