# The tasks of newscrawl; `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# A crawl needs only the first of these: the package and what it needs to run. The second adds the checks.
RUNTIME := $(VENV)/.runtime
# What setup.py compiles: the package is installed anew when one of these has changed.
COMPILED := $(shell find newscrawl -name '*.pyx')
STAMP  := $(VENV)/.installed
PIP    := $(BIN)/pip install -qq --disable-pip-version-check
CLIENTS := $(VENV)/clients
# Scrapy before the installed one, for the add-on: the oldest that is supported, and one that is refused.
SCRAPY_VERSIONS := 2.18.0 2.17.0
# Processes that run tests: three for two cores, for a good part of the tests waits for servers and timers.
CORES   := $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
JOBS    ?= $(shell expr $(CORES) + $(CORES) / 2)
# Outlet ids for `make crawl`, divided by spaces; empty: the embedded newsroom.
OUTLET ?=
# Folder for `make dist`.
DIST   ?= build/dist
# A folder of saved pages for `make bench`; empty: pages of the embedded newsroom.
PAGES  ?=
# A file of labelled documents for `make bench`; empty: stories of the embedded newsroom.
GOLD   ?=

.DEFAULT_GOAL := help
.PHONY: help setup clients crawl test check-fast check types tests proofs docs format bench pins dist clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything a crawl and the checks need into .venv

$(RUNTIME): requirements.txt pyproject.toml setup.py $(COMPILED)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "newscrawl needs Python 3.11 or \
	newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1): make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "1/3 A virtual environment in $(VENV), with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@echo "2/3 The $$(grep -c == requirements.txt) packages of requirements.txt: a minute or two, about 320 MB"
	@$(PIP) -r requirements.txt
	@echo "3/3 newscrawl itself"
	@$(PIP) --no-deps --editable .
	@touch $@

$(STAMP): $(RUNTIME) tests/requirements.txt docs/requirements.txt
	@echo "The tools of the checks and the docs: a few minutes, about 900 MB more"
	@$(PIP) -r requirements.txt -r tests/requirements.txt -r docs/requirements.txt
	@touch $@

clients: $(CLIENTS)/.installed ## Install the programs of others that tests let read our archives

# With root on Debian its packages too; elsewhere the tests that need one say so and are skipped.
$(CLIENTS)/.installed: $(STAMP) tests/clients/requirements.txt tests/clients/package.json
	@missing=""; for program in chromium wget npm; do \
	  command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get -qq update >/dev/null && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq -y install $$missing >/dev/null; fi
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/pip install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
	@for version in $(SCRAPY_VERSIONS); do $(PIP) --no-deps --upgrade \
	  --target $(CLIENTS)/scrapy-$$version scrapy==$$version; done
	@if command -v npm >/dev/null; then $(PYTHON) tests/clients/unpack.py $(CLIENTS); fi
	@touch $@

crawl: $(RUNTIME) ## Crawl the embedded newsroom, or outlets: make crawl OUTLET="a b"
	@echo "$(if $(strip $(OUTLET)),Crawling $(OUTLET),Crawling four outlets of a newsroom on this machine) into archives/"
	@$(BIN)/newscrawl $(if $(strip $(OUTLET)),crawl $(OUTLET),demo run)

test: check types tests docs ## Format check, lint, types, all tests, the docs site

check-fast: check types ## The everyday loop: format check, lint, types, unit tests
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not slow and not crawl and not proof"

check: setup ## Format check and lint
	$(BIN)/ruff format --check newscrawl tests tools
	$(BIN)/ruff check newscrawl tests tools

types: setup ## Type check
	$(BIN)/mypy

tests: clients ## All tests, on all cores
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder

proofs: clients ## The long proofs: chaos over more seeds, a million records, months of schedules
	$(BIN)/pytest -q -s -m proof
	$(BIN)/python tests/bench/alarms.py 20 20000
	PYTHONPATH=tests $(BIN)/python tests/bench/month.py 100 30 2
	PYTHONPATH=tests $(BIN)/python tests/bench/fleet.py
	$(BIN)/python tests/bench/export.py --rows 1000000
	$(BIN)/python tests/bench/cluster.py --documents 100000 --days 12 --shards 1,3,16
	$(BIN)/python tests/bench/cluster.py --documents 1000000 --days 30

docs: setup ## The documentation as a site in build/site, with warnings as errors
	$(BIN)/sphinx-build -q -W --keep-going docs build/site

format: setup ## Put the code into its form
	$(BIN)/ruff format newscrawl tests tools
	$(BIN)/ruff check --fix newscrawl tests tools

bench: setup ## Measure the whole line; PAGES=folder for saved pages
	$(BIN)/python tests/bench/archive.py $(if $(strip $(PAGES)),--pages $(PAGES),)
	$(BIN)/python tests/bench/line.py $(if $(strip $(PAGES)),--pages $(PAGES),)
	$(BIN)/python tests/bench/speed.py $(if $(strip $(PAGES)),--pages $(PAGES),)
	$(BIN)/python tests/bench/speed.py --memory 2000 $(if $(strip $(PAGES)),--pages $(PAGES),)
	$(BIN)/python tests/bench/export.py --rows 20000
	$(BIN)/python tests/bench/cluster.py --documents 20000 --incremental 200
	$(BIN)/python tests/bench/languages.py $(if $(strip $(GOLD)),--gold $(GOLD),)

pins: setup ## Write the requirements.txt files anew from the ranges in pyproject.toml
	UV_NATIVE_TLS=1 $(BIN)/python tests/pins.py --upgrade

# The wheel is built from the source archive, as users' installers would build it; uv trusts what the system trusts.
dist: setup ## Build the source archive and the wheel for every system into build/dist, and check them
	rm -rf $(DIST)
	NEWSCRAWL_COMPILE=0 UV_NATIVE_TLS=1 $(BIN)/uv build --quiet --out-dir $(DIST) .
	$(BIN)/twine check --strict $(DIST)/*
	$(BIN)/check-wheel-contents $(DIST)/*.whl

clean: ## Remove what the tasks made, but never archives
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find newscrawl -name '*.so' -delete
