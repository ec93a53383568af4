# Every recipe sets itself up: the first one that needs it makes .venv and installs into it, once per pyproject.toml.
# ARGS reaches the program behind a recipe: make run ARGS='--set rate=200', make test ARGS='-k batch'.

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python

# The first Python that is new enough and can make an environment; PYTHON=... names another.
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; \
	done)
endif
ifeq ($(strip $(PYTHON)),)
PYTHON := python3
endif

# The folder counts too: an environment that was moved points at its old place.
STATE := $(shell { cat pyproject.toml; pwd; } | cksum | cut -d' ' -f1)
RUNTIME := $(VENV)/.installed-runtime-$(STATE)
EVERYTHING := $(VENV)/.installed-everything-$(STATE)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := default
.NOTPARALLEL:
.PHONY: default run test crash soak lint fix types docs docs-check screenshots bench bench-short build clean help

default: test lint

run: $(RUNTIME) ## Score and route the bundled posts
	$(BIN)/router run flows/tweets.yaml $(ARGS)

test: $(EVERYTHING) ## Run every test, two files at a time. JOBS=0 for one after the other
	$(PY) -m pytest -n $(or $(JOBS),2) --dist loadfile $(ARGS)

crash: $(EVERYTHING) ## Kill flows a thousand times; half an hour. KILLS=N for another number
	ROUTER_KILLS=$(or $(KILLS),1000) $(PY) -m pytest tests/crash $(ARGS)

soak: $(EVERYTHING) ## Half an hour of 20,000 records a second through disk queues: does anything grow
	$(PY) -m tests.crash.soak $(ARGS)

lint: $(EVERYTHING) ## Check style, spelling, layers and metadata
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PY) .ci/check_files.py
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/validate-pyproject pyproject.toml

fix: $(EVERYTHING) ## Mend what the linters can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(EVERYTHING) ## Check types: all of it with mypy, the public surface with pyright too
	$(PY) -m mypy
	$(BIN)/basedpyright --pythonpath $(PY)

docs: $(EVERYTHING) ## Write the generated pages of docs/reference
	$(PY) -m docs.generate

docs-check: $(EVERYTHING) ## Fail if a generated page is stale or a docstring's example does not run
	$(PY) -m docs.generate --check
	$(PY) -m pytest --doctest-modules -p no:randomly -q router processors

screenshots: $(EVERYTHING) ## Take the pictures of docs/pictures
	$(PY) -m docs.screenshots

bench: $(EVERYTHING) ## Measure against plain loops; minutes, and 1 GB of disk
	$(PY) -m bench $(ARGS)

bench-short: $(EVERYTHING) ## The same workloads on few records: do they run and agree
	$(PY) -m bench --short $(ARGS)

build: $(EVERYTHING) ## Build the wheel into dist/
	$(PY) -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

clean: ## Remove what the recipes made, .venv included
	rm -rf $(VENV) dist build out flows/out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## List the recipes
	@echo "make              test and lint"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

$(RUNTIME):
	@$(PYTHON) -c '' 2>/dev/null || { \
		echo "make: no Python named '$(PYTHON)' runs here; name one >= 3.11 with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $$($(PYTHON) --version) is too old, 3.11 is needed; name another with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "make: $$($(PYTHON) --version) cannot make environments, it lacks the module ensurepip;" \
		"install it (Debian, Ubuntu: apt install python3-venv) or name another with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "installing into $(VENV), a minute the first time"
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@# Dependency groups need pip 25.1; the one that comes with Python is often older.
	@$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	@$(PY) -m pip install --quiet --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

$(EVERYTHING): $(RUNTIME)
	@echo "installing what tests and checks need"
	@$(PY) -m pip install --quiet --editable '.[all]' --group dev
	@touch $@
