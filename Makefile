# Two commands for a fresh machine with Python >= 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test test-all test-page lint types check clean

# torch first and exactly: this is a CPU build here, where anything looser pulls CUDA packages.
$(READY): pyproject.toml Makefile
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "molmeta needs Python >= 3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

demo: $(READY)  ## the main job on the bundled data, into demo/
	rm -rf demo
	$(BIN)/molmeta example -o demo
	$(BIN)/molmeta train demo/train.csv --valid demo/valid.csv --config demo/recipe.yaml -o demo/run
	$(BIN)/molmeta evaluate --model demo/run --data demo/test.csv --support-sizes 8 \
		--baselines rf,simsearch -o demo/evaluation
	$(BIN)/molmeta predict --model demo/run --support demo/support.csv --input demo/library.csv \
		-o demo/predictions.csv --show 15

test: $(READY)  ## the fast tests
	$(BIN)/python -m pytest

test-all: $(READY)  ## the slow ones too; Ray, which is big, is installed for them alone
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	$(BIN)/python -m pytest -m ''

test-page: $(READY)  ## the page of `molmeta serve`, in Debian's chromium
	$(BIN)/python -m pytest -m slow tests/web

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

check: lint types test

clean:
	rm -rf $(VENV) demo build dist
