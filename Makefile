# `make run` and `make test` are all that a fresh Debian or Ubuntu machine with Python 3.11 needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
VENV := .venv/bin
PYTEST := $(VENV)/python -m pytest
CODE := sockudo_tx tests benchmarks twisted examples deploy
# Suites without processes of their own: what `make check` can afford.
FAST := tests/unit tests/contract tests/protocol tests/http
ARGS ?=

# How long `make soak` keeps the server under load, in seconds.
SOAK_SECONDS ?= 30

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: runtime tools
runtime:
	@scripts/bootstrap runtime

tools:
	@scripts/bootstrap test

.PHONY: run
run: runtime ## Start the server in the foreground on port 6001 with the demo app (PORT, HOST, ... are honoured)
	@exec $(VENV)/sockudo run $(ARGS)

.PHONY: test unit integration conformance soak
test: tools ## The whole suite, with everything it needs installed first; says what it skipped and why
	@$(PYTEST) tests $(ARGS)

unit: tools ## The fast tests: no process, no port, no sleep
	@$(PYTEST) $(FAST) $(ARGS)

integration: tools ## The daemon as a user starts it, and real servers
	@$(PYTEST) tests/integration tests/cluster $(ARGS)

conformance: tools ## Unmodified Pusher clients and SDKs against a live server
	@$(PYTEST) tests/conformance $(ARGS)

soak: tools ## Keep a live server under load for SOAK_SECONDS and watch loss, memory and descriptors
	@SOAK_SECONDS=$(SOAK_SECONDS) $(PYTEST) tests --long -m long $(ARGS)

.PHONY: check lint format types floors
check: lint types floors docs-fresh ## Format, lint, types, floors, generated files and unit tests; under a minute
	@$(PYTEST) $(FAST) -q $(ARGS)

lint: tools ## Format and lint, changing nothing
	@$(VENV)/ruff format --check $(CODE)
	@$(VENV)/ruff check $(CODE)

format: tools ## Format, and mend what ruff can mend
	@$(VENV)/ruff format $(CODE)
	@$(VENV)/ruff check --fix $(CODE)

types: tools ## mypy --strict
	@$(VENV)/mypy

floors: tools ## An import may only point down (ARCHITECTURE.md)
	@$(VENV)/lint-imports --no-cache

.PHONY: docs docs-fresh
docs: tools ## Write the generated files: reference page, JSON Schema, example files, metrics, list of conformance cases
	@$(VENV)/python -m sockudo_tx.config.render
	@$(VENV)/python scripts/metrics.py
	@$(VENV)/python scripts/conformance.py

docs-fresh: tools ## Fail when a generated file is stale
	@$(VENV)/python -m sockudo_tx.config.render --check

.PHONY: site
site: tools ## Build the documentation into build/site; a link that leads nowhere fails it
	@$(VENV)/zensical build --strict --clean --config-file mkdocs.yml

.PHONY: bench
bench: tools ## Every figure beside its reference, as ratios (benchmarks/README.md); ARGS=--quick for a minute
	@$(VENV)/python benchmarks/run.py $(ARGS)

.PHONY: wheel image clean
wheel: tools ## Build the wheel into dist/
	@$(VENV)/python -m build --wheel

image: ## Build the container image
	docker build -t sockudo-tx .

COMPOSE := docker compose
UNIX_SOCKET := $(COMPOSE) -f deploy/compose/unix-socket.yml
SSL ?= deploy/ssl

.PHONY: up down logs generate-ssl unix-socket-up unix-socket-down unix-socket-test
up: ## Build the image and start it on ports 6001 and 9601 with the demo app (docker compose)
	$(COMPOSE) up --build --detach --wait
	@echo "http://localhost:$${PORT:-6001} (metrics: http://localhost:$${METRICS_PORT:-9601}/metrics); make logs, make down"

down: ## Stop what `make up` started
	$(COMPOSE) --profile monitoring down

logs: ## Follow its log
	$(COMPOSE) logs --follow

generate-ssl: $(SSL)/fullchain.pem ## Make a certificate for localhost that nobody trusts, in deploy/ssl

# Readable for all: containers run as users of their own. For anything but trying out bring a key of your own.
$(SSL)/fullchain.pem:
	@mkdir -p $(SSL)
	@openssl req -x509 -days 365 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
	    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout $(SSL)/privkey.pem -out $@ 2>/dev/null
	@chmod 644 $(SSL)/privkey.pem
	@echo "$(SSL)/fullchain.pem and $(SSL)/privkey.pem"

unix-socket-up: generate-ssl ## Start the server behind nginx over a Unix socket, with TLS on port 443
	$(UNIX_SOCKET) up --build --detach --wait

unix-socket-down: ## Stop it
	$(UNIX_SOCKET) down --volumes

unix-socket-test: ## Ask it how it is, through nginx and TLS
	curl --fail --silent --show-error --cacert $(SSL)/fullchain.pem https://localhost:$${HTTPS_PORT:-443}/up

clean: ## Remove what can be made again, the virtual environment included
	rm -rf .venv .bootstrap.lock build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	       .import_linter_cache benchmarks/results tests/conformance/node_modules twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
