# `make demo` and `make test` need Python 3.10+ with pip, and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO = examples/photo-extended.jpg

.PHONY: demo test lint clean

demo: $(VENV)/installed
	$(BIN)/softextend extend examples/photo.jpg --sides 0 128 0 128 --model self --seed 1 --overwrite -o $(DEMO)
	@echo "The wider photo is $(DEMO)"

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[reference]' \
	  || echo "noise could not be compiled here (no C compiler): the comparison with it is skipped"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache $(DEMO)
