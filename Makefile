# make demo      install, start an embedded ECR, fill it, scan it, preview a lifecycle policy
# make test      install, run the tests
# make check     lint, format, types, and whether ecr_async/api is what the generator writes
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
USABLE := $(VENV)/.usable
READY := $(VENV)/.ready

.PHONY: demo test check format generate test-all test-botocore-oldest bench bench-scan bench-growth ready clean

demo: $(USABLE)
	@$(BIN)/python examples/demo.py

test: $(READY)
	$(BIN)/python -m pytest

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

# The tests on every Python that we support, of those that this machine has.
test-all:
	@for version in 3.11 3.12 3.13; do \
		if python$$version --version >/dev/null 2>&1; then \
			$(MAKE) test PYTHON=python$$version VENV=.venv-$$version || exit 1; \
		else echo "python$$version: not here, not tested"; fi; \
	done

# The tests at the lower end of the botocore range that pyproject.toml allows.
test-botocore-oldest:
	$(MAKE) VENV=.venv-oldest ready
	.venv-oldest/bin/python -m pip install --quiet "botocore==$(OLDEST_BOTOCORE)" "boto3==$(OLDEST_BOTO3)"
	.venv-oldest/bin/python -m pytest

OLDEST_BOTOCORE := 1.31.0
OLDEST_BOTO3 := 1.28.0

ready: $(READY)

bench:
	$(PYTHON) benchmarks/run.py

bench-scan:
	$(PYTHON) benchmarks/scan_rate_limit.py

bench-growth:
	$(PYTHON) benchmarks/growth.py

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
