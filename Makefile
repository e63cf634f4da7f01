# make run     set up, make the demo's data, materialise the demo, print the results
# make ui      open the Dagster UI on what `make run` did
# make test    set up and run every check
# make bench   measure planning and materialising
# make clean   remove everything that the commands above have made

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run ui test bench clean setup

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 3000

# The demo, and the folder in which both `make run` and `make ui` keep Dagster's runs.
export DFPLAN_PROJECT := $(CURDIR)/dfplan_assets/demo
export DAGSTER_HOME := $(DFPLAN_PROJECT)/.dfplan/dagster
# The days of the view that is made day by day: all that it has.
DEMO_DAYS := 1998-07-04..1998-08-02

# Tests and runs start hundreds of processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# Part of the stamp's name, so that another PYTHON gets a new environment.
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
READY := $(VENV)/.ready-$(PYTHON_VERSION)

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup: $(READY)

$(READY): constraints.txt setup.cfg
	@test -n "$(PYTHON_VERSION)" || { echo "'$(PYTHON)' does not run. On Debian: apt-get install python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "Python $(PYTHON_VERSION) is not supported: choose one from 3.10 to 3.13, as in: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "Python $(PYTHON_VERSION) cannot make a virtual environment: ensurepip is missing. On Debian: apt-get install python3-venv" >&2; exit 2; }
	rm -rf "$(VENV)"
	$(PYTHON) -m venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	    --no-build-isolation --editable '.[delta,demo,postgres,test]'
	@touch "$@"

run: $(READY)
	$(BIN)/python -m dfplan_assets.demo.data
	@mkdir -p "$(DAGSTER_HOME)"
	$(BIN)/dfplan --project "$(DFPLAN_PROJECT)" run --partition-range "$(DEMO_DAYS)"
	@echo
	@echo "See it in the Dagster UI:  make ui"

ui: $(READY)
	@mkdir -p "$(DAGSTER_HOME)"
	@test -e "$(DAGSTER_HOME)/dagster.yaml" || printf 'telemetry: {enabled: false}\nnux: {enabled: false}\n' > "$(DAGSTER_HOME)/dagster.yaml"
	@echo "The Dagster UI: http://127.0.0.1:$(PORT) (Ctrl-C ends it)"
	@$(BIN)/dagster dev --host 127.0.0.1 --port $(PORT)

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dfplan --project dfplan_assets/demo golden check
	$(BIN)/python -m pytest

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf "$(VENV)" build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-output
	rm -rf dfplan_assets/demo/data dfplan_assets/demo/warehouse dfplan_assets/demo/.dfplan
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
