# Needs only Python >= 3.10, make and a package registry.
PYTHON ?= python3
VENV := .venv/bin
OLDEST := .venv-oldest/bin
SCRIPTS := .venv-scripts/bin
SOURCES := setup.cfg pyproject.toml

.PHONY: demo test test-current test-oldest test-scripts lint types benchmark clean

demo: .venv/installed
	$(VENV)/alignbench demo

test: test-current test-oldest test-scripts

test-current: .venv/installed-test
	$(VENV)/python -m pytest

test-oldest: .venv-oldest/installed
	$(OLDEST)/python -m pytest -m smoke

test-scripts: .venv-scripts/installed
	$(SCRIPTS)/python -m pytest -m script_route

lint: .venv/installed-test
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .

types: .venv/installed-test
	$(VENV)/mypy

.venv/installed: $(SOURCES)
	$(PYTHON) -m venv .venv
	$(VENV)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(VENV)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

.venv-oldest/installed: $(SOURCES) tests/oldest.txt
	$(PYTHON) -m venv .venv-oldest
	$(OLDEST)/pip install --quiet --disable-pip-version-check --constraint tests/oldest.txt --editable . pytest hypothesis
	touch $@

.venv-scripts/installed: $(SOURCES)
	$(PYTHON) -m venv .venv-scripts
	$(SCRIPTS)/pip install --quiet --disable-pip-version-check --editable . pytest hypothesis datasets==3.6.0
	touch $@

clean:
	rm -rf .venv .venv-oldest .venv-scripts build dist *.egg-info
