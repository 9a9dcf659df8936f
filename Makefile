# Everything a person or CI runs. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv/bin
SOURCES := crds operator runtime tests e2e examples images benchmarks
TESTS ?= tests
# Workers of the test run; integration servers are shared by all of them.
JOBS ?= 4

.PHONY: help setup demo test integration conformance-flink e2e campaign load lint fmt types gen images bench bench-peers soak chaos clean ci

help: ## This list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.synced: pyproject.toml uv.lock crds/pyproject.toml operator/pyproject.toml runtime/pyproject.toml
	@uv="$$(sh scripts/bootstrap-uv.sh)" && "$$uv" sync --locked --quiet && touch $@

setup: $(VENV)/.synced ## Install uv (if missing) and the locked dependencies

demo: setup ## The main job on the embedded local platform: runs, upgrades, checks its counts (KEEP=1 leaves it running)
	@$(VENV)/python -m examples.demo $(if $(KEEP),--keep)

test: setup ## Tests that need Python alone, a real mini cluster included
	$(VENV)/pytest -n $(JOBS) --dist loadgroup -m "not integration and not e2e" $(TESTS) $(if $(filter tests,$(TESTS)),--ignore=tests/operator_kubernetes)

integration: setup ## Tests against real servers (Kafka, S3, ZooKeeper, PostgreSQL) and a browser, which it installs and starts
	$(VENV)/pytest -m integration tests/integration tests/web

conformance-flink: setup ## Apache Flink's own command line and dashboard against our JobManager (downloads Flink, 330 MB, into ~/.cache)
	$(VENV)/pytest -m integration tests/conformance

e2e: setup ## A real Kubernetes node (kind where Docker is present) and the end-to-end tests on it (ARGS='-k name')
	$(VENV)/python -m e2e.run $(ARGS)

lint: setup ## Style, layers, spelling, YAML, generated files
	$(VENV)/ruff check . && $(VENV)/ruff format --check .
	$(VENV)/lint-imports
	$(VENV)/codespell crds operator runtime docs examples tests e2e README.md && $(VENV)/yamllint -s crds helm/penstock/values.yaml .yamllint

fmt: setup ## Format and fix
	$(VENV)/ruff check --fix . ; $(VENV)/ruff format .

types: setup ## mypy, strict
	$(VENV)/mypy crds/src operator/src runtime/src

gen: setup ## Write the generated files (CRDs, reference pages)
	$(VENV)/python -m penstock_api.crdgen crds && $(VENV)/python -m penstock_api.docgen docs/reference
	$(VENV)/python -m penstock_operator.reference docs/reference

images: setup ## OCI archives of operator and runtime, under build/images
	$(VENV)/python images/build.py

bench: setup ## Benchmarks (BENCH=name for one), beside every peer that is installed
	$(VENV)/python -m benchmarks $(BENCH)

bench-peers: setup ## Installs PyFlink (844 MB), bytewax and quixstreams in environments of their own under ~/.cache, for bench
	$(VENV)/python -m benchmarks peers

chaos: setup ## Kill, pause and cut off everything around an exactly-once job, 200 times (ARGS='--faults N --seed N'; prints its seed)
	$(VENV)/python -m tests.chaos $(ARGS)

campaign: setup ## Generated changes and perturbed views of the operator on a real API server (ARGS='changes --number N --seed N')
	$(VENV)/python -m tests.campaign $(ARGS)

load: setup ## 1,000 FlinkDeployments on a real API server with stub JobManagers: latency, memory, API calls (ARGS='--resources N')
	$(VENV)/python -m tests.load $(ARGS)

soak: setup ## Memory of a job under load for an hour, with the slope of its growth
	BENCH_SECONDS=3600 $(VENV)/python -m benchmarks memory

ci: lint types test integration e2e ## Everything that CI runs

clean: ## Remove what the other targets made in this folder; a node that still runs is taken down first
	@if [ -d build/cluster ] && [ -x $(VENV)/python ]; then $(VENV)/python -m e2e.cluster down; fi
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
