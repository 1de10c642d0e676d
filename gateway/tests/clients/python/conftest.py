"""What tests ask for by name. They run under `../stack.py`, which says where the gateway is."""

import os

import pytest

if "KEYWEIR_URL" not in os.environ:
    pytest.exit("these tests need a gateway: start them with ../run python", returncode=2)

import anthropic
import openai
from pool import CLIENT_KEY, GATEWAY, Pool

# Clients do not retry: what they hide, a test would not see. Nor do they wait as long as they could.
KNOWN = {"api_key": CLIENT_KEY, "max_retries": 0, "timeout": 60}


@pytest.fixture
def anthropic_pool():
    return Pool.claim("anthropic")


@pytest.fixture
def openai_pool():
    return Pool.claim("openai")


@pytest.fixture
def anthropic_client(anthropic_pool):
    """Makes clients of Anthropic's SDK."""

    def make(gateway=GATEWAY, kind=anthropic.Anthropic, **options):
        options = {**KNOWN, **options}
        return kind(base_url=anthropic_pool.url(gateway), **options)

    return make


@pytest.fixture
def openai_client(openai_pool):
    """Makes clients of OpenAI's SDK."""

    def make(gateway=GATEWAY, kind=openai.OpenAI, **options):
        options = {**KNOWN, **options}
        return kind(base_url=f"{openai_pool.url(gateway)}/v1", **options)

    return make
