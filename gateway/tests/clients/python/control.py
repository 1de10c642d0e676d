"""The simulated provider's control: faults on command, and what arrived."""

import json
import os
import ssl
import time
import urllib.request

# Far above what anything here takes; a condition that does not come fails the test.
WAIT_SECS_MAX = 15
LOOK_EVERY_SECS = 0.02

_trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])


def ask(method, path, body=None):
    """One command, as `GET /_control/help` of the provider lists them."""
    data = None if body is None else json.dumps(body).encode()
    url = f"{os.environ['PROVIDER_URL']}/_control/{path}"
    request = urllib.request.Request(url, data, method=method)
    with urllib.request.urlopen(request, context=_trust, timeout=WAIT_SECS_MAX) as answer:
        return json.load(answer)


def eventually(condition):
    """Waits until `condition()` is true, and returns what it returned."""
    give_up = time.monotonic() + WAIT_SECS_MAX
    while not (met := condition()):
        assert time.monotonic() < give_up, "the condition did not come true in time"
        time.sleep(LOOK_EVERY_SECS)
    return met
