"""Runs a command with a gateway before it: stack.py [--upstream-http 1.1] COMMAND …

Starts the simulated provider and two gateways, all over TLS under an authority made now; tells the
command by environment variables where they are and how to trust them; stops everything when the
command ends, and ends as it ended.

Every test takes a pool of its own (`anthropic-1`, `openai-7`, …: a provider of the policy file with
two accounts of one key each), which it reaches by its name in the base URL. So no test sees what
another did to its keys, and the processes have to be started only once. The first pool of each
dialect is the one that base URLs without a name lead to.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"

DIALECTS = ("anthropic", "openai")
POOLS_PER_DIALECT = 200
START_SECS_MAX = 30
STOP_SECS_MAX = 10

WORLD = """
control = true
record_requests = 512
batch_secs = 0.2

[tls]
cert_pem = '''{cert}'''
key_pem = '''{key}'''
"""

# Far more than the tests use: budgets are there to be seen in headers, not to be spent.
ACCOUNT = """
[[account]]
name = "{pool}-{which}"
keys = ["sk-{pool}-{which}"]
[[account.limit]]
requests_per_minute = 600000
{tokens}
burst_secs = 60
"""

TOKENS = {
    "anthropic": "input_tokens_per_minute = 1000000000\noutput_tokens_per_minute = 1000000000",
    "openai": "tokens_per_minute = 1000000000",
}

POLICY = """
[gateway]
listen = ["127.0.0.1:0"]
admin = "off"
[gateway.tls]
listen = ["127.0.0.1:0"]
cert_file = "tls.crt"
key_file = "tls.key"
{settings}

[[tenant]]
id = "team"
client_keys = ["{team}"]

[[tenant]]
id = "narrow"
client_keys = ["{narrow}"]
models = ["allowed-*"]

[[tenant]]
id = "former"
client_keys = ["{former}"]
expires = "2020-01-01"
"""

POOL = """
[[provider]]
id = "{pool}"
dialect = "{dialect}"
base_url = "{base_url}"
ca_file = "ca.pem"
http = "{http}"

[[account]]
id = "{pool}-a"
provider = "{pool}"
[[account.key]]
id = "{pool}-a"
secret = {{ file = "secrets/{pool}-a" }}

[[account]]
id = "{pool}-b"
provider = "{pool}"
[[account.key]]
id = "{pool}-b"
secret = {{ file = "secrets/{pool}-b" }}
"""

# For tests of what happens when these run out, whatever the pace of the machine.
HASTY = """
[gateway.timeouts]
head = "2s"
stream_idle = "1s"
[retry]
attempts_max = 2
"""


def pools():
    for dialect in DIALECTS:
        for number in range(POOLS_PER_DIALECT):
            yield dialect, f"{dialect}-{number}"


def make_certificate(folder):
    """An authority (ca.pem), and a certificate of this machine under it (tls.crt, tls.key)."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "tls.key")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(folder / "tls.crt", append=True)


def make_client_key():
    """A new client key, and its hash for the policy file."""
    said = subprocess.run([TARGET / "keyweir", "hash"], check=True, capture_output=True, text=True)
    words = said.stdout.split()
    key = next(word for word in words if word.startswith("kw_"))
    hashed = next(word for word in words if "sha256:" in word)
    return key, hashed.strip('[]"')


@contextmanager
def process(command, **options):
    """A process that is stopped at the end, by force if it must be."""
    running = subprocess.Popen(command, **options)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(STOP_SECS_MAX)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            raise


@contextmanager
def provider(folder):
    """The simulated provider; its base URL."""
    world = WORLD.format(
        cert=(folder / "tls.crt").read_text(), key=(folder / "tls.key").read_text()
    )
    (folder / "secrets").mkdir()
    for dialect, pool in pools():
        for which in "ab":
            world += ACCOUNT.format(pool=pool, which=which, tokens=TOKENS[dialect])
            (folder / "secrets" / f"{pool}-{which}").write_text(f"sk-{pool}-{which}\n")
    file = folder / "world.toml"
    file.write_text(world)
    command = [TARGET / "simulated-provider", "--config", file]
    with process(command, stdout=subprocess.PIPE, text=True) as running:
        # Its first line, once it listens; nothing if it could not.
        base_url = running.stdout.readline().strip()
        if not base_url:
            sys.exit("the simulated provider did not start")
        yield base_url


@contextmanager
def gateway(folder, name, settings, hashes, base_url, http):
    """A gateway; its ports in clear and over TLS."""
    policy = POLICY.format(settings=settings, **hashes)
    for dialect, pool in pools():
        policy += POOL.format(pool=pool, dialect=dialect, base_url=base_url, http=http)
    file = folder / f"{name}.toml"
    file.write_text(policy)
    log = folder / f"{name}.log"
    command = [TARGET / "keyweir", "--log-format", "json", "serve", "--policy", file]
    command += ["--access-log", folder / f"{name}.access.log"]
    with open(log, "w") as stderr, process(command, stderr=stderr) as running:
        yield listening(running, log)


def listening(running, log):
    """The ports that a gateway says it listens on."""
    give_up = time.monotonic() + START_SECS_MAX
    while running.poll() is None and time.monotonic() < give_up:
        ports = {}
        for line in log.read_text().splitlines():
            # The warnings about the policy file are for people.
            said = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if said.get("message", "").startswith("listening"):
                ports[said["message"]] = said["address"].rpartition(":")[2]
        if len(ports) == 2:
            return ports["listening"], ports["listening, TLS"]
        time.sleep(0.02)
    sys.exit(f"a gateway did not start; the end of what it said:\n{log.read_text()[-2000:]}")


@contextmanager
def stack(http):
    """Everything; the environment that says where it is."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="keyweir-clients-")))
        make_certificate(folder)
        (folder / "claimed").mkdir()
        keys = {tenant: make_client_key() for tenant in ("team", "narrow", "former")}
        hashes = {tenant: hashed for tenant, (_, hashed) in keys.items()}
        base_url = running.enter_context(provider(folder))

        def start(name, settings):
            return running.enter_context(gateway(folder, name, settings, hashes, base_url, http))

        clear, tls = start("gateway", "")
        _, hasty = start("hasty", HASTY)
        ca = str(folder / "ca.pem")
        yield {
            "KEYWEIR_URL": f"https://localhost:{tls}",
            "KEYWEIR_CLEAR_URL": f"http://127.0.0.1:{clear}",
            "KEYWEIR_HASTY_URL": f"https://localhost:{hasty}",
            "KEYWEIR_KEY": keys["team"][0],
            "KEYWEIR_NARROW_KEY": keys["narrow"][0],
            "KEYWEIR_FORMER_KEY": keys["former"][0],
            "KEYWEIR_POOLS": str(POOLS_PER_DIALECT),
            "KEYWEIR_CLAIMED": str(folder / "claimed"),
            "PROVIDER_URL": base_url,
            # How each kind of client is told of a company's own authority.
            "SSL_CERT_FILE": ca,
            "NODE_EXTRA_CA_CERTS": ca,
            "CURL_CA_BUNDLE": ca,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--upstream-http", default="auto", choices=["auto", "1.1", "2"])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    # SDKs read these, too; a developer's own must not leak into the tests.
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "OPENAI_")) and not name.lower().endswith("_proxy")
    }
    with stack(arguments.upstream_http) as environment:
        sys.exit(subprocess.run(arguments.command, env=clean | environment).returncode)


if __name__ == "__main__":
    main()
