# `make demo` shows what it does, `make test` proves it; each sets up .venv first. Needed: Python >= 3.11, a compiler,
# make and a package index. Another Python: make PYTHON=/path/to/python. Where the index serves torch with CUDA and the
# machine has no GPU: make PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu, which takes the small build.

BIN := .venv/bin
READY := .venv/.ready
DEMO := demo
KERNELS := $(wildcard kernels/*.cu kernels/*.cuh)
WORKS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if $$p -c '$(WORKS)' >/dev/null 2>&1; then echo $$p; break; fi; done)

.PHONY: demo test test-long fuzz check style types floors format clean

demo: $(READY)
	$(BIN)/geometry demo -o $(DEMO)

test: $(READY)
	$(BIN)/python -m pytest -n 2 -m 'not long'

test-long: $(READY)
	$(BIN)/python -m pytest -m long

# Every parser on files made by atheris (libFuzzer), a minute each; what breaks one is kept in build/fuzz.
fuzz: $(READY)
	$(BIN)/python -m pip install --quiet atheris
	$(BIN)/python -m tests.hostile.fuzz

check: style types floors test

style: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(if $(KERNELS),$(BIN)/clang-format --dry-run -Werror $(KERNELS))

types: $(READY)
	$(BIN)/mypy

floors: $(READY)
	$(BIN)/python -m pytest tests/test_floors.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(KERNELS),$(BIN)/clang-format -i $(KERNELS))

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache
	find geometry benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +

# torch first and alone: the tested build, before anything else can ask for another one.
$(READY): pyproject.toml constraints.txt
	@test -n '$(PYTHON)' || { echo 'make: no Python >= 3.11 with venv found; name one: make PYTHON=...' >&2; exit 1; }
	'$(PYTHON)' -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,faiss-cpu,parquet,hdf5,zarr]'
	@touch $@
