# SIAPkerja ID. `make help` says what each word does. Everything that is installed goes into .venv.

PYTHON ?= python3
PORT ?= 8000
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
COMPILE := $(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--strip-extras --no-annotate --no-header --allow-unsafe

.DEFAULT_GOAL := help
.PHONY: help run test lint bench fuzz chaos samples docs lock messages clean

help: ## say what each word does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(VENV)/runtime.ok ## set up what is missing and start the demo (PORT=9000 moves all five ports)
	@exec $(BIN)/siapkerja demo --port $(PORT)

test: $(VENV)/dev.ok ## set up what is missing and run every check (ARGS="-k nik" goes to pytest)
	@scripts/check $(ARGS)

lint: $(VENV)/dev.ok ## style, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/djlint idp/web/templates --lint --quiet

bench: $(VENV)/dev.ok ## measure the hot paths beside their peers and write bench/README.md
	$(BIN)/python -m bench $(ARGS)

fuzz: $(VENV)/dev.ok ## the property tests of the suite, for longer
	FUZZ=long $(BIN)/pytest -q -n 2 tests -m fuzz $(ARGS)

chaos: $(VENV)/dev.ok ## the reliability rows with their full figures
	CHAOS=full $(BIN)/pytest -q tests -m chaos $(ARGS)

docs: $(VENV)/dev.ok ## write the generated pages in docs/ anew
	$(BIN)/python -m docs.build

samples: $(VENV)/dev.ok ## run the sample portals, docs/admin-api.md, the Apache, nginx and Node examples against servers
	$(BIN)/pytest -q tests/interop $(ARGS)

messages: $(VENV)/dev.ok ## collect the words of all pages and compile the catalogues
	$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext -k _l --no-location --sort-output --omit-header -o build/messages.pot idp
	$(BIN)/pybabel -q update -i build/messages.pot -d idp/web/translations -l en --no-fuzzy-matching --ignore-pot-creation-date --ignore-obsolete
	$(BIN)/pybabel -q compile -d idp/web/translations

lock: $(VENV)/dev.ok ## resolve the dependencies of pyproject.toml anew
	$(BIN)/pip install -q pip-tools
	$(COMPILE) --extra sandbox -o requirements.lock pyproject.toml
	$(COMPILE) --extra sandbox --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(COMPILE) -c requirements.lock -o requirements-build.lock requirements-build.in

clean: ## drop what was built; the demo's database in var/ stays
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .coverage*

$(VENV)/runtime.ok: requirements.lock pyproject.toml scripts/prepare
	@scripts/prepare runtime $(PYTHON)

$(VENV)/dev.ok: requirements-dev.lock pyproject.toml tests/interop/package-lock.json scripts/prepare
	@scripts/prepare dev $(PYTHON)
