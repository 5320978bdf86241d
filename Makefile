# The targets that people and CI run. Each does its own set-up; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Where this is set, each of the hundreds of commands that tests start would compile all modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test lint faults bench lock sbom audit clean

help: ## This list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Bring what the project needs to this machine (the others call it)

$(READY): requirements.lock bootstrap.lock pyproject.toml deploy/setup.sh
	@bash deploy/setup.sh
	@touch $@

demo: $(READY) ## Start everything here and watch it work
	@$(BIN)/chartfeed demo $(ARGS)

test: $(READY) ## All tests: units, contract, and the real broker, registry and driver
	@bash deploy/tools.sh
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY) ## Format, rules, types, direction of imports, the lock
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@bash deploy/lock.sh --check

faults: $(READY) ## Break things for half an hour, and nothing is lost
	@bash deploy/tools.sh
	@$(BIN)/pytest tests/faults $(ARGS)

bench: $(READY) ## Measure
	@$(BIN)/python -m bench $(ARGS)

lock: $(READY) ## Write requirements.lock anew from pyproject.toml
	@bash deploy/lock.sh

sbom: $(READY) ## Write what production consists of, as CycloneDX: .chartfeed/sbom.json
	@mkdir -p .chartfeed
	@$(BIN)/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml \
		--output-reproducible --of JSON --output-file .chartfeed/sbom.json deploy/requirements.lock
	@$(BIN)/python -m deploy.sbom .chartfeed/sbom.json
	@echo "wrote .chartfeed/sbom.json"

# Not part of lint: it asks PyPI for advisories, which a mirror of packages does not have.
audit: $(READY) ## Look for known vulnerabilities in what production consists of
	@$(BIN)/uv tool run pip-audit==2.10.1 --strict --require-hashes --disable-pip \
		--requirement deploy/requirements.lock

clean: ## Stop the local stack and remove all that these targets made
	@if [ -x $(BIN)/chartfeed ]; then $(BIN)/chartfeed local reset; $(BIN)/chartfeed local --home .chartfeed/demo reset; fi
	@rm -rf .chartfeed $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
