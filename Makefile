# Every target does its own set-up. Needed beforehand: Python 3.11 or newer with venv, and make; nothing else.
# For the live tests also Java 17+ with Maven, and PostgreSQL's server programs (see CONTRIBUTING.md).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo serve test lint format docs bench soak lock image clean

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2
ARGS ?=
UV_VERSION := 0.13.9

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  ARGS='…' is passed on: make demo ARGS='--port 9000', make test ARGS='tests/lineage -x'"

demo: $(READY) ## sample Airflow and dbt events, a trace, a report, then the API on port 8000
	@$(BIN)/headwater demo $(ARGS)

serve: $(READY) ## the API on ./headwater-data
	@$(BIN)/headwater serve $(ARGS)

# Sets `failed`, and goes on: one run shows everything that is wrong.
LINT = failed=0; \
	$(BIN)/ruff check . || failed=1; \
	$(BIN)/ruff format --check . || failed=1; \
	$(BIN)/mypy || failed=1; \
	$(BIN)/lint-imports --no-logo || failed=1

# A file of tests stays with one worker, so what is started for a file is started once. pytest's summary is the last line.
test: $(READY) ## style, types, directions of imports, then every test but the long counts
	@$(LINT); $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS) && exit $$failed

lint: $(READY) ## ruff, mypy strict, import-linter
	@$(LINT); exit $$failed

format: $(READY) ## let ruff mend what it can
	@$(BIN)/ruff check --fix .; $(BIN)/ruff format .

docs: $(READY) ## the tables of settings, commands and routes in docs/, made from the code
	@$(BIN)/python -m tests.docs.blocks

bench: $(READY) ## the table of docs/benchmarks.md, measured here; ONLY=ingest,reach runs some parts
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

soak: $(READY) ## the long counts of crashes and load; takes hours
	@$(BIN)/python -m pytest -m soak -n 0 -s -q --timeout=0 $(ARGS)

lock: ## both lock files anew from pyproject.toml, hashes and no addresses; UPGRADE=1 takes newer versions
	@$(PYTHON) -m venv .cache/uv && .cache/uv/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@compile=".cache/uv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate -q $(if $(UPGRADE),--upgrade,)"; \
	$$compile --group pyproject.toml:dev pyproject.toml -o requirements-dev.lock > /dev/null && \
	$$compile pyproject.toml -c requirements-dev.lock -o requirements.lock > /dev/null
	@echo "requirements.lock and requirements-dev.lock are up to date"

image: ## the container image headwater:local (needs Docker)
	docker build --tag headwater:local .

clean: ## everything that make made, but no data
	rm -rf $(VENV) .cache/uv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

# The stamp comes last: an installation that was cut off is done again.
$(READY): requirements-dev.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer with venv is needed (Debian: apt install python3-venv)"; exit 1; }
	@echo "setting up $(VENV) from requirements-dev.lock; once, a minute or two" >&2
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
