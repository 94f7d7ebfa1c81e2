# `make` lists the targets. The first use of one that needs an environment makes it: .venv from
# requirements/dev.txt; for deepchecks, .venv-deepchecks from requirements/deepchecks.txt; for the scanners that
# `scan-model --second-opinion` asks, .venv-scanners from requirements/scanners.txt.
# Needs python3 (3.10 to 3.13) with pip, and an index of packages that pip or uv can reach.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
WORKERS ?= 2
# What the container image is built on. Empty: made from Debian packages on Debian 12, else as Containerfile says.
BASE ?=

PY := .venv/bin/python
MADE := .venv/.made
DEEPCHECKS_MADE := .venv-deepchecks/.made
SCANNERS_MADE := .venv-scanners/.made
UV := .tools/bin/uv

export PYTHON
# The interpreter in which the deepchecks suites run, never the one of the core.
export LOCKGATE_DEEPCHECKS_PYTHON := $(abspath .venv-deepchecks/bin/python)
# The same for the scanners of model files that give a second opinion.
export LOCKGATE_SECOND_OPINION_PYTHON := $(abspath .venv-scanners/bin/python)

# Airflow writes its configuration and logs there when it is imported; not into the home folder.
export AIRFLOW_HOME := $(abspath build/airflow)

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
		printf '  make %-11s %s\n' "$$name" "$$what"; done

.PHONY: demo
demo: environments ## Run the example workflow in Airflow and KFP, clean and poisoned, and compare the verdicts
	@AIRFLOW_HOME=$(abspath demo-out/airflow) $(PY) dags/demo.py

.PHONY: test
test: environments ## Run the whole test suite, slow tests included
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup tests

.PHONY: test-fast
test-fast: environments ## Run the tests that take less than ten seconds each
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not slow" tests

.PHONY: lint
lint: mypy ## Check style, formatting, types, and that every written face is up to date
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m lockgate.faces --check

.PHONY: mypy
mypy: $(MADE) ## Check the types of the core, strictly
	$(PY) -m mypy

.PHONY: format
format: $(MADE) ## Format the code, and fix what ruff can fix safely
	$(PY) -m ruff check --fix --exit-zero --quiet .
	$(PY) -m ruff format .

.PHONY: faces
faces: $(MADE) ## Write the Airflow operator and the KFP component of each stage
	$(PY) -m lockgate.faces --write

.PHONY: bench
bench: environments ## Measure speed and efficacy beside the peers
	@shopt -s nullglob; for script in benchmarks/bench_*.py; do echo "$$script"; $(PY) "$$script"; done

.PHONY: mutate-gate
mutate-gate: $(MADE) ## Switch every single check of the release gate off in turn; a test must notice each
	$(PY) tests/mutation/mutate_gate.py

.PHONY: wheel
wheel: $(MADE) ## Build the wheel into dist/
	@rm -rf dist
	$(PY) -m build --wheel --no-isolation --outdir dist .

.PHONY: image
image: wheel ## Build the container image that the KFP components name (podman; BASE=... for another base image)
	components/image/build.sh $(BASE)

.PHONY: torch
torch: $(MADE) ## Add torch to .venv, for stages that look at image models
	$(PYTHON) -m pip --python $(PY) install -r requirements/torch.txt

.PHONY: lock
lock: $(UV) ## Renew the locks in requirements/ from pyproject.toml
	@requirements/lock.sh

.PHONY: environments
environments: $(MADE) $(DEEPCHECKS_MADE) $(SCANNERS_MADE) ## Make .venv, .venv-deepchecks and .venv-scanners

.PHONY: clean
clean: ## Remove what make made: environments, caches, demo output
	rm -rf .venv .venv-deepchecks .venv-scanners .tools dist build demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find core operators components dags pipelines benchmarks tests -name __pycache__ -prune -exec rm -rf {} +

# The installer, pinned. --target works where pip refuses to install outside a virtual environment
# and where Python has no venv module, as on a plain Debian.
$(UV): requirements/tools.txt
	@echo "Installing uv into .tools"
	@rm -rf .tools
	@PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools --require-hashes -r $<
	@touch $@

$(MADE): requirements/dev.txt requirements/environment.sh pyproject.toml $(UV)
	@requirements/environment.sh .venv $< 13
	@touch $@

# numpy 1 has no wheels for Python 3.13.
$(DEEPCHECKS_MADE): requirements/deepchecks.txt requirements/environment.sh pyproject.toml $(UV)
	@requirements/environment.sh .venv-deepchecks $< 12
	@touch $@

# picklescan, modelscan and fickling share one: none was tried on Python 3.13.
$(SCANNERS_MADE): requirements/scanners.txt requirements/environment.sh pyproject.toml $(UV)
	@requirements/environment.sh .venv-scanners $< 12
	@touch $@
