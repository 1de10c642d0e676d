# make demo    build and run the gateway against a simulated provider; needs no account
# make test    install what the tests need and run all of them
# make build   the release binary, target/release/keyweir
# make bench   measure the gateway beside a minimal pass-through; see docs/BENCHMARKING.md
# make lint    formatting, clippy, rustdoc
# make deny    licences, advisories and sources of all dependencies

CARGO ?= cargo
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

.PHONY: demo test unit clients build bench lint deny prerequisites

demo: prerequisites
	$(CARGO) run --quiet -p keyweir -- demo $(ARGS)

test: prerequisites unit clients

unit:
	$(CARGO) test --workspace --no-fail-fast

# The official SDKs and curl against the real binary.
clients: prerequisites
	PYTHON=$(PYTHON) gateway/tests/clients/run

build: prerequisites
	$(CARGO) build --release -p keyweir

bench: prerequisites
	$(CARGO) build --release -p keyweir -p passthrough -p keyweir-load
	target/release/keyweir-load all --out docs/BENCHMARKING.md $(ARGS)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

deny:
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

# Pingora compiles zlib-ng, which wants cmake and a C compiler.
prerequisites:
	@command -v cmake >/dev/null && command -v cc >/dev/null || { \
	  echo "installing cmake and a C compiler"; \
	  if command -v apt-get >/dev/null; then $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy cmake gcc g++ make; \
	  elif command -v dnf >/dev/null; then $(SUDO) dnf install -qy cmake gcc gcc-c++ make; \
	  elif command -v apk >/dev/null; then $(SUDO) apk add -q cmake build-base; \
	  elif command -v brew >/dev/null; then brew install cmake; \
	  else echo "please install cmake and a C compiler" >&2; exit 1; fi; }
