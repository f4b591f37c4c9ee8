# `make demo` and `make test` need Python 3.10+ with pip, and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO = examples/photo-extended.jpg

.PHONY: demo test test-slow test-ui test-many test-many-deaths image shots lint clean

demo: $(VENV)/installed
	$(BIN)/softextend extend examples/photo.jpg --sides 0 128 0 128 --model self --seed 1 --overwrite -o $(DEMO)
	@echo "The wider photo is $(DEMO)"

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 -m 'not ui and not slow'

# What takes long by its nature: a full-size checkpoint, the README's commands with the built-in model
test-slow: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 -m slow

# The page in a real browser; needs Chromium: apt-get install chromium
test-ui: $(VENV)-ui/installed
	$(VENV)-ui/bin/python -m pytest -m ui tests/web

# Stores, tables and Ray, in an environment of their own; without Ray its tests are skipped
MANY = $(VENV)-many/bin/python -m pytest -rs
test-many: $(VENV)-many/installed
	$(MANY) -m 'not deaths' $(addprefix tests/commands/test_,stores.py other_stores.py report.py ray.py)

# What takes minutes of it: nodes and drivers that are killed (pytest's 5: without Ray there is nothing to run)
test-many-deaths: $(VENV)-many/installed
	$(MANY) -m deaths tests/commands/test_ray.py || [ $$? = 5 ]

# The image: built where a Docker engine answers, else only linted
image: $(VENV)-many/installed
	$(VENV)-many/bin/hadolint Dockerfile
	@if docker info >/dev/null 2>&1; then docker build --quiet --tag softextend . && docker run --rm softextend --version; \
	  else echo "no Docker engine answers here: the Dockerfile was linted, not built"; fi

# The pictures of the page in README and docs/ui.md, made by its tests
shots: $(VENV)-ui/installed
	SOFTEXTEND_SHOTS=docs/images $(VENV)-ui/bin/python -m pytest -m ui tests/web -k documentation

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

$(VENV)-ui/installed: pyproject.toml constraints.txt constraints-ui.txt
	$(PYTHON) -m venv $(VENV)-ui
	grep -v '^pillow==' constraints.txt | cat - constraints-ui.txt > $(VENV)-ui/constraints.txt
	$(VENV)-ui/bin/python -m pip install --quiet --disable-pip-version-check -c $(VENV)-ui/constraints.txt -e '.[test-ui]'
	@touch $@

$(VENV)-many/installed: pyproject.toml constraints.txt constraints-many.txt
	$(PYTHON) -m venv $(VENV)-many
	$(VENV)-many/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c constraints-many.txt \
	  -e '.[test-many]'
	@$(VENV)-many/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c constraints-many.txt \
	  -e '.[ray]' || echo "Ray could not be installed here: its tests are skipped"
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-ui $(VENV)-many build *.egg-info .mypy_cache .ruff_cache .pytest_cache $(DEMO)
