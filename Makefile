# make help says what each target does. Everything sets up its own .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NOTEBOOK ?=
N ?= 20

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_ROOT_USER_ACTION = ignore
ifndef TFDS_DATA_DIR
ifneq ($(wildcard ../shared/tensorflow_datasets),)
export TFDS_DATA_DIR := $(abspath ../shared/tensorflow_datasets)
endif
endif

.PHONY: help course test lab slides site bench data seeds mutants outputs badges constraints clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 14

course: $(VENV)/.course  ## execute every notebook, then render pages and slides into build/
	$(BIN)/python tools/build_course.py $(NOTEBOOK)

test: $(VENV)/.course  ## unit tests, conventions, and every notebook compared with its stored outputs
	$(BIN)/python -m pytest -n 2
	$(BIN)/python tools/check_notebooks.py

lab: $(VENV)/.lab  ## open the notebooks in JupyterLab
	cd notebooks && ../$(BIN)/jupyter lab

slides: $(VENV)/.course  ## render pages and slides from the stored outputs, executing nothing
	$(BIN)/python tools/build_course.py --render-only $(NOTEBOOK)

site: $(VENV)/.site  ## the website and the API pages, into build/site
	$(BIN)/sphinx-build -q -b html docs build/site
	@echo build/site/index.html

bench: $(VENV)/.course  ## speed and accuracy against peers and papers; three hours; writes benchmarks/results.md
	for script in numpy_mlp applications lenet5 vae gan infogan; do $(BIN)/python benchmarks/$$script.py || exit 1; done

data: $(VENV)/.course  ## prepare the digits now rather than at first use
	$(BIN)/python -m coursekit.data

seeds: $(VENV)/.course  ## make seeds NOTEBOOK=04 N=20: how far each claim is from its bound, under N seeds
	$(BIN)/python tools/seeds.py $(NOTEBOOK) -n $(N)

mutants: $(VENV)/.course  ## break a notebook on purpose and see which claims notice (NOTEBOOK=04 for one)
	$(BIN)/python tools/mutants.py $(NOTEBOOK)

outputs: $(VENV)/.course  ## execute and store the outputs in notebooks/ (NOTEBOOK=04 for one)
	$(BIN)/python tools/build_course.py --store $(NOTEBOOK)

badges: $(VENV)/.course  ## write the repository's address of pyproject.toml into notebooks and README
	$(BIN)/python tools/badges.py

constraints: $(VENV)/.lab $(VENV)/.site  ## pin what is installed in .venv
	@{ sed '/^#/!d' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable --exclude coursekit; } > build.tmp
	@mv build.tmp constraints.txt

clean:  ## remove .venv and build/
	rm -rf $(VENV) build

# Each stamp stands for an installed set of extras; it is remade when the dependencies change.
INSTALL = $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is older or missing. Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is needed (on Debian: apt install python3-venv)"; exit 1; }
	@touch $@

$(VENV)/.course: $(VENV)/.python pyproject.toml constraints.txt
	$(INSTALL) ".[test]"
	@touch $@

$(VENV)/.lab: $(VENV)/.course
	$(INSTALL) ".[lab]"
	@touch $@

$(VENV)/.site: $(VENV)/.course
	$(INSTALL) ".[site]"
	@touch $@
