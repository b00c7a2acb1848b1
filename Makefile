# Needs only Python >= 3.10, make and a package registry.
PYTHON ?= python3
VENV := .venv/bin
OLDEST := .venv-oldest/bin
SCRIPTS := .venv-scripts/bin
EXAMPLES := .venv-examples/bin
PIP := pip install --quiet --disable-pip-version-check
SOURCES := setup.cfg pyproject.toml
# What runs on torch.
TORCH_TESTS := examples other_libraries encoders generative ray tiny_clip language_model lmms_eval

# Environments are made and tested two at a time, the output of each in one piece.
MAKEFLAGS += --jobs=2 --output-sync=target

.PHONY: demo test test-current test-oldest test-scripts test-examples benchmark lint types clean

demo: .venv/installed
	$(VENV)/alignbench demo

test: test-current test-oldest test-scripts test-examples

test-current: .venv/installed-test
	$(VENV)/python -m pytest

test-oldest: .venv-oldest/installed
	$(OLDEST)/python -m pytest -m smoke

test-scripts: .venv-scripts/installed
	$(SCRIPTS)/python -m pytest -m script_route

test-examples: .venv-examples/installed
	$(EXAMPLES)/python -m pytest $(wildcard $(TORCH_TESTS:%=tests/test_%.py))

benchmark: .venv/installed
	$(VENV)/python -m benchmarks

lint: .venv/installed-test
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .

types: .venv/installed-test
	$(VENV)/mypy

.venv/installed: $(SOURCES)
	$(PYTHON) -m venv .venv
	$(VENV)/$(PIP) --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(VENV)/$(PIP) --editable '.[test]'
	touch $@

.venv-oldest/installed: $(SOURCES) tests/oldest.txt
	$(PYTHON) -m venv .venv-oldest
	$(OLDEST)/$(PIP) --constraint tests/oldest.txt --editable . pytest hypothesis
	touch $@

.venv-scripts/installed: $(SOURCES)
	$(PYTHON) -m venv .venv-scripts
	$(SCRIPTS)/$(PIP) --editable . pytest hypothesis datasets==3.6.0
	touch $@

# A pinned torch, for its newest release may come with gigabytes of GPU libraries; lmms-eval asks for some of
# them too, and its task management does without.
.venv-examples/installed: $(SOURCES) tests/lmms_eval.txt
	$(PYTHON) -m venv .venv-examples
	$(EXAMPLES)/$(PIP) --editable '.[examples,ray]' pytest hypothesis torch==2.13.0
	$(EXAMPLES)/$(PIP) --no-deps --requirement tests/lmms_eval.txt
	touch $@

clean:
	rm -rf .venv .venv-* build dist *.egg-info
