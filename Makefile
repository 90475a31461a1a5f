# Two commands for a fresh machine with Python >= 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test test-all test-page lint types check docs docs-quick links test-docs release clean

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
	$(BIN)/molmeta evaluate --model demo/run --model default --data demo/test.csv --support-sizes 8 \
		--baselines rf,simsearch -o demo/evaluation
	$(BIN)/molmeta predict --model demo/run --support demo/support.csv --input demo/library.csv \
		-o demo/predictions.csv --show 15

test: $(READY)  ## the fast tests
	$(BIN)/python -m pytest

test-all: $(READY)  ## the slow ones too; Ray, which is big, is installed for them alone
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	$(BIN)/python -m pytest -m ''

test-page: $(READY)  ## the page of `molmeta serve`, and the report, in Debian's chromium
	$(BIN)/python -m pytest -m slow tests/web

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

check: lint types test

$(READY)-docs: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

docs: $(READY)-docs  ## the site, its notebooks executed (three minutes), into docs/_build/html
	$(BIN)/python docs/measure.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

docs-quick: $(READY)-docs  ## the same without executing notebooks, in half a minute
	$(BIN)/python -m sphinx -W --keep-going -q -b html -D nb_execution_mode=off docs docs/_build/quick

links: $(READY)-docs  ## the addresses that the site names, looked up: it needs the network
	$(BIN)/python -m sphinx -W --keep-going -q -b linkcheck -D nb_execution_mode=off docs docs/_build/links

test-docs: $(READY)-docs  ## the commands and code of every page, and the site in Debian's chromium
	$(BIN)/python -m pytest -m slow tests/docs

release: lint types  ## VERSION=0.2.0: version, changelog, wheel and sdist; the tests run in the unpacked sdist
	test -n "$(VERSION)" || { echo 'say which: make release VERSION=0.2.0'; exit 2; }
	test -z "$$(git status --porcelain)" || { echo 'commit first: git status'; exit 2; }
	$(BIN)/python tools/release.py cut $(VERSION)
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python tools/release.py check dist
	@echo 'Read dist/ and git diff; then commit, tag v$(VERSION), and upload dist/*.whl and dist/*.tar.gz.'

clean:
	rm -rf $(VENV) demo build dist docs/_build docs/reference/generated
