# The tasks of newscrawl; `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
CLIENTS := $(VENV)/clients
# Scrapy before the installed one, for the add-on: the oldest that is supported, and one that is refused.
SCRAPY_VERSIONS := 2.18.0 2.17.0
# Processes that run tests; `auto` is one a core.
JOBS    ?= auto
# Outlet ids for `make crawl`, divided by spaces; empty: the embedded newsroom.
OUTLET ?=
# A folder of saved pages for `make bench`; empty: pages of the embedded newsroom.
PAGES  ?=
# A file of labelled documents for `make bench`; empty: stories of the embedded newsroom.
GOLD   ?=

.DEFAULT_GOAL := help
.PHONY: help setup clients crawl test check-fast check types tests proofs docs format bench pins clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything a crawl and the checks need into .venv

$(STAMP): requirements.txt tests/requirements.txt docs/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt \
	  -r tests/requirements.txt -r docs/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
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
	@for version in $(SCRAPY_VERSIONS); do $(BIN)/pip install --quiet --disable-pip-version-check --no-deps \
	  --upgrade --target $(CLIENTS)/scrapy-$$version scrapy==$$version; done
	@if command -v npm >/dev/null; then $(PYTHON) tests/clients/unpack.py $(CLIENTS); fi
	@touch $@

crawl: setup ## Crawl the embedded newsroom, or outlets: make crawl OUTLET="a b"
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
	$(BIN)/python tests/bench/text.py $(if $(strip $(PAGES)),--pages $(PAGES),)
	$(BIN)/python tests/bench/export.py --rows 20000
	$(BIN)/python tests/bench/cluster.py --documents 20000 --incremental 200
	$(BIN)/python tests/bench/languages.py $(if $(strip $(GOLD)),--gold $(GOLD),)

pins: ## Write requirements.txt anew from the ranges in pyproject.toml
	rm -rf $(VENV)/pins && $(PYTHON) -m venv $(VENV)/pins
	$(VENV)/pins/bin/pip install --quiet --disable-pip-version-check .
	$(VENV)/pins/bin/python tests/pins.py > requirements.txt
	rm -rf $(VENV)/pins

clean: ## Remove what the tasks made, but never archives
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
