# make demo      install, start an embedded ECR, fill it, scan it, preview a lifecycle policy
# make test      install, run the tests, see that they cover the code
# make check     lint, format, layers, types, and whether ecr_async/api is what the generator writes
# make mutants   change the code in thousands of ways, and list the changes that no test notices
# make dist      build the wheel and the source distribution, check and test them
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
USABLE := $(VENV)/.usable
READY := $(VENV)/.ready

.PHONY: demo test test-plain check format generate test-pythons test-oldest dist audit sbom fuzz bench bench-scan bench-services bench-growth bench-transfer test-kills mutants ready clean

demo: $(USABLE)
	@$(BIN)/python examples/demo.py

test: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist worksteal -m "not alone"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/python -m pytest -m alone

# Tests for another Python or for other versions of what we depend on.
test-plain: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal $(TESTS)

TESTS := tests/unit tests/faults

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/generator/generate.py --check
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Take in the model of the newest botocore: prints what is new, and fails while that has no words.
generate: $(READY)
	$(BIN)/python -m pip install --quiet --upgrade botocore boto3
	$(BIN)/python tools/generator/take_model.py
	$(BIN)/python tools/generator/generate.py

# The unit and fault tests on every other Python that we support, of those that this machine has: on the path or by pyenv.
test-pythons:
	@for version in 3.11 3.12 3.13; do \
		for python in python$$version ~/.pyenv/versions/$$version.*/bin/python none; do \
			$$python -V >/dev/null 2>&1 && break; \
		done; \
		if [ $$python = none ]; then \
			echo "===> NOT TESTED: this machine has no Python $$version"; \
		elif [ "$$($$python -V)" != "$$($(PYTHON) -V)" ]; then \
			echo "===> $$($$python -V)"; \
			$(MAKE) test-plain PYTHON=$$python VENV=.venv-$$version || exit 1; \
		fi; \
	done

# All tests but those of other programs and of pages, with everything that the core needs at the lowest version that
# pyproject.toml allows, all at once. boto3 and moto come along for the tests; their versions follow botocore's.
test-oldest:
	$(MAKE) VENV=.venv-oldest ready
	.venv-oldest/bin/python -m pip install --quiet $$($(PYTHON) tools/floors.py) boto3==$(OLDEST_BOTO3)
	$(MAKE) VENV=.venv-oldest TESTS="$(TESTS) tests/conformance tests/integration" test-plain

OLDEST_BOTO3 := 1.28.0

# The wheel and the source distribution: well-formed, and the tests pass on what is in them.
dist: $(READY)
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/twine check --strict dist/*
	tools/test-wheel $(PYTHON)

# Known vulnerabilities of what we depend on, and a bill of materials. Both use the package index.
audit: $(USABLE)
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet pip-audit
	.venv-audit/bin/pip-audit --path $$($(BIN)/python -c "import site; print(site.getsitepackages()[0])") --skip-editable

sbom: $(USABLE)
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet cyclonedx-bom
	.venv-audit/bin/cyclonedx-py environment $(BIN)/python --output-reproducible --of JSON -o sbom.json

.PHONY: soak-events test-events-aiobotocore

# 2,000 pushes to an embedded ECR, over moto's SQS, to two workers of which one is killed with -9.
soak-events: $(READY)
	ECR_ASYNC_SOAK_PUSHES=2000 $(BIN)/python -m pytest -s tests/integration/events/test_end_to_end.py

# The same on aiobotocore's client, in an environment of its own, since it pins botocore.
test-events-aiobotocore: $(READY) .venv-aiobotocore/.usable
	ECR_ASYNC_WORKER_CLIENT=aiobotocore ECR_ASYNC_WORKER_PYTHON=.venv-aiobotocore/bin/python \
		$(BIN)/python -m pytest -s tests/integration/events/test_end_to_end.py

.venv-aiobotocore/.usable: pyproject.toml
	$(PYTHON) -m venv .venv-aiobotocore
	.venv-aiobotocore/bin/python -m pip install --quiet --editable . aiobotocore
	@touch $@

# All modules in [tool.mutmut], or one: make mutants MODULE=pagination. No test noticed what is listed at the end.
mutants: $(READY)
	$(BIN)/python -m pip install --quiet --editable '.[mutants]'
	$(BIN)/mutmut run --max-children $(WORKERS) $(if $(MODULE),"ecr_async.$(MODULE)*")
	$(BIN)/mutmut results

WORKERS ?= 2

ready: $(READY)

# Millions of mutated inputs, for five minutes: `make fuzz SECONDS=600 SEED=7`; `python -m tests.fuzz --help` for more.
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

# Everything goes wrong at random, and what was promised holds: `make chaos WORKLOADS=400000 TRANSFERS=20000 KILLS=500 SEED=7`.
.PHONY: chaos soak
chaos: $(READY)
	$(BIN)/python -m tests.chaos.chaos $(if $(WORKLOADS),--workloads $(WORKLOADS)) $(if $(TRANSFERS),--transfers $(TRANSFERS)) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.chaos.kills --kills $(KILLS) $(if $(SEED),--seed $(SEED))

KILLS ?= 100

# A million calls of one session, and nothing grows.
soak: $(READY)
	$(BIN)/python -m tests.chaos.soak $(if $(REQUESTS),--requests $(REQUESTS))

# Each in environments of its own, which the first run builds; benchmarks/README.md says how long they take.
# All of them write what they find: benchmarks/results.md, the README's table, the chart.
.PHONY: bench-all
bench-all: bench bench-scan bench-services bench-growth

bench:
	$(PYTHON) benchmarks/run.py

bench-scan:
	$(PYTHON) benchmarks/scan_rate_limit.py

bench-services:
	$(PYTHON) benchmarks/services.py

bench-growth:
	$(PYTHON) benchmarks/growth.py

# Push, pull and copy 1 GiB beside skopeo and beside the least that the work takes; sync 2,000 images.
bench-transfer: $(READY)
	$(BIN)/python benchmarks/transfer.py
	$(BIN)/python benchmarks/transfer_sync.py

# Transfers killed at 30 random moments; `make test` has a few of them.
test-kills: $(READY)
	TRANSFER_KILLS=30 $(BIN)/python -m pytest tests/integration/transfer/test_kills.py

# What the library and its command need; then what developing them needs besides.
$(USABLE): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[cli]'
	@touch $@

$(READY): $(USABLE)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv .venv-* dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: kill-local moto-suite bench-local

# The embedded ECR killed 200 times at random moments, and crashed at every single write point.
kill-local: $(READY)
	KILLS=200 CRASH_STRIDE=1 $(BIN)/python -m pytest -o faulthandler_timeout=3600 tests/integration/local/crashes

# moto's own tests of ECR against the embedded ECR; tests/moto_suite/EXCEPTIONS.md says what fails and why.
moto-suite: $(READY)
	$(BIN)/python -m pip install --quiet freezegun
	$(BIN)/python -m tests.moto_suite.run

bench-local: $(READY)
	$(BIN)/python benchmarks/local.py
