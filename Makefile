# `make train` and `make test` do all their set-up themselves; PYTHON chooses the interpreter.
PYTHON ?= python3
VENV ?= .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: train test test-slow test-faults test-torch test-browser test-accelerator test-fuzz check format clean

train: $(VENV)/installed
	$(BIN)/python -m ssl_jax.main --config=configs/ba_moco.py

test: $(VENV)/installed-test
	$(PYTEST) -n 2 --dist loadfile

test-slow: $(VENV)/installed-test
	$(PYTEST) -m slow

# Kills runs, fills their disk and damages their files, and resumes them: 200 rounds, about an hour.
test-faults: $(VENV)/installed-test
	$(BIN)/python -m tests.faults --rounds=200 --json=tests/faults/result.json

# Installs PyTorch, torchvision, timm and ONNX, some gigabytes; the package itself needs none of them.
test-torch: $(VENV)/installed-test-torch
	$(PYTEST) -m torch

# Needs Chromium, as Debian's package `chromium`.
test-browser: $(VENV)/installed-test
	$(PYTEST) -m browser

# Every key of every configuration with hostile values; tests/fuzz/test_values.py is a sample of it.
test-fuzz: $(VENV)/installed-test
	$(BIN)/python -m tests.fuzz.values experiments/results/fuzz_values.json
	FUZZ_EXAMPLES=5000 $(PYTEST) tests/fuzz

# On a GPU, or with PLATFORM=tpu: jax for it must be installed, as pip install -U 'jax[cuda13]'.
PLATFORM ?= cuda
test-accelerator: $(VENV)/installed-test
	PYTHON=$(BIN)/python PLATFORM=$(PLATFORM) benchmarks/measure.sh runs/numerics numerics

check: $(VENV)/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(MAKE) test

format: $(VENV)/installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

$(VENV)/installed-test-torch: $(VENV)/installed-test
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test-torch]'
	touch $@

clean:
	rm -rf .venv .venv-*
