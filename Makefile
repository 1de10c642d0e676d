# make demo    build and run the gateway against a simulated provider; needs no account
# make test    install what the tests need and run all of them
# make build   the release binary, target/release/keyweir
# make bench   measure the gateway beside a minimal pass-through; see docs/BENCHMARKING.md
# make fuzz    every parser of foreign text, FUZZ_SECONDS each; see docs/FUZZING.md
# make lint    formatting, clippy, rustdoc; of the fuzz targets, too
# make test-chart        the Helm chart's static tests; a part of make test
# make test-page         the live page in a headless Chromium; a part of make test
# make test-kubernetes   the chart in a real cluster, under load; see helm/tests/kubernetes
# make deny    licences, advisories and sources of all dependencies

CARGO ?= cargo
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

# The seconds each fuzz target runs.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS = policy:answer policy:error policy:policy_file policy:request policy:stream \
  gateway:coding gateway:framing
# They are workspaces of their own.
FUZZ_PACKAGES = policy/fuzz gateway/fuzz

.PHONY: demo test unit clients test-chart test-page test-kubernetes build bench fuzz lint deny prerequisites \
  test-prerequisites

demo: prerequisites
	@echo "compiling the gateway and a simulated provider: minutes the first time, seconds afterwards"
	$(CARGO) build -p keyweir --no-default-features --features demo
	@$(CARGO) run --quiet -p keyweir --no-default-features --features demo -- demo $(ARGS)

test: unit clients test-chart test-page

unit: test-prerequisites
	$(CARGO) test --workspace --no-fail-fast

# The official SDKs and curl against the real binary.
clients: test-prerequisites
	PYTHON=$(PYTHON) gateway/tests/clients/run

# Lint, schemas, values that do not fit together: with Helm 3 and 4, without a cluster.
test-chart: test-prerequisites
	$(CARGO) build --quiet -p keyweir
	PYTHON=$(PYTHON) helm/tests/run

# Chromium is installed where there is none.
test-page: test-prerequisites
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  command -v google-chrome >/dev/null || [ -n "$$CHROMIUM" ] || \
	  $(call install,Chromium,chromium,chromium,chromium,chromium)
	$(CARGO) build --quiet -p keyweir
	gateway/tests/page/run

# In the cluster that KUBECONFIG names, or in one that is brought up for it.
test-kubernetes: test-prerequisites
	PYTHON=$(PYTHON) helm/tests/kubernetes/run

build: prerequisites
	$(CARGO) build --release -p keyweir

bench: prerequisites
	$(CARGO) build --release -p keyweir -p passthrough -p keyweir-load
	target/release/keyweir-load all --out docs/BENCHMARKING.md $(ARGS)

# Without a sanitizer, which stable Rust has none of; nothing of ours is unsafe. What is found anew goes
# to target/fuzz, and not into the corpora that are kept.
fuzz: prerequisites
	command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	@set -e; for target in $(FUZZ_TARGETS); do \
	  folder=$${target%%:*}/fuzz; name=$${target##*:}; found=target/fuzz/found/$$name; \
	  mkdir -p $$found; echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
	  CARGO_TARGET_DIR=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/fuzz \
	    $(CARGO) fuzz run --fuzz-dir $$folder --sanitizer none $$name $$found $$folder/corpus/$$name \
	    -- -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1; \
	done

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	@set -e; for folder in $(FUZZ_PACKAGES); do \
	  echo "$(CARGO) fmt and clippy in $$folder"; \
	  $(CARGO) fmt --manifest-path $$folder/Cargo.toml --check; \
	  CARGO_TARGET_DIR=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/fuzz \
	    $(CARGO) clippy --manifest-path $$folder/Cargo.toml --all-targets -- -D warnings; \
	done

deny:
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check
	@set -e; for folder in $(FUZZ_PACKAGES); do \
	  echo "$(CARGO) deny check of $$folder"; \
	  $(CARGO) deny --manifest-path $$folder/Cargo.toml --config $(CURDIR)/deny.toml check; \
	done

# install(what it is, Debian's names, Fedora's, Alpine's, Homebrew's)
define install
{ echo "installing $(1)"; \
  if command -v apt-get >/dev/null; then $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy $(2); \
  elif command -v dnf >/dev/null; then $(SUDO) dnf install -qy $(3); \
  elif command -v apk >/dev/null; then $(SUDO) apk add -q $(4); \
  elif command -v brew >/dev/null; then brew install $(5); \
  else echo "please install $(1)" >&2; exit 1; fi; }
endef

# Pingora compiles zlib-ng, which wants cmake and a C compiler.
prerequisites:
	@command -v cmake >/dev/null && command -v cc >/dev/null || \
	  $(call install,cmake and a C compiler,cmake gcc g++ make,cmake gcc gcc-c++ make,cmake build-base,cmake)

# Python runs the clients (Node.js, if missing, comes along with its packages); `script` gives the
# demonstration a terminal; gateways tell one another what they take through Redis.
test-prerequisites: prerequisites
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  $(call install,Python with venv,python3 python3-venv,python3,python3 py3-pip,python)
	@command -v curl >/dev/null && command -v script >/dev/null || \
	  $(call install,curl and script,curl bsdutils,curl util-linux-script,curl util-linux-misc,curl)
	@command -v redis-server >/dev/null || \
	  $(call install,Redis,redis-server,redis,redis,redis)
