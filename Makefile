# make demo: the main job on included data.  make app: the demo app.  make test: all that must hold.
# make setup is run by both; it fills .venv and asks for system packages where they are missing.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := $(CURDIR)/constraints.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PIN := --constraint $(CONSTRAINTS) --build-constraint $(CONSTRAINTS)

NATIVE := CMakeLists.txt $(shell find native examples/c -name '*.[ch]pp' -o -name '*.[ch]')
PACKAGING := pyproject.toml constraints.txt $(NATIVE)

.PHONY: setup demo app test test-edge lint clean

setup: $(VENV)/.demo

$(VENV)/.pip:
	.ci/system-packages "$(PYTHON)"
	"$(PYTHON)" -m venv $(VENV)
	$(PIP) --upgrade 'pip>=26'
	@touch $@

$(VENV)/.demo: $(VENV)/.pip $(PACKAGING)
	$(PIP) $(PIN) torch
	$(PIP) $(PIN) --editable '.[export]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	.ci/system-packages "$(PYTHON)" test
	$(PIP) $(PIN) --editable '.[test]'
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

$(VENV)/.app: $(VENV)/.pip $(PACKAGING)
	.ci/system-packages "$(PYTHON)" app
	$(PIP) $(PIN) --editable '.[demo,onnx]'
	@touch $@

app: $(VENV)/.app
	$(BIN)/python android_demo/main.py

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run --Werror $(filter-out CMakeLists.txt,$(NATIVE))

# A worker per core with one thread each: networks as small as these lose by sharing their work.
test: $(VENV)/.test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# The core and the wheel on Arm, under qemu: over 5 minutes, so not a part of test.
test-edge: $(VENV)/.test
	.ci/system-packages "$(PYTHON)" edge
	$(BIN)/python benchmarks/edge.py --write

clean:
	rm -rf build out $(VENV)
