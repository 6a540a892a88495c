# make help says what each target does. The first one creates .venv, all of them use it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# NOTEBOOK, PROFILE and N are those of the command line, never variables that happen to be set
NOTEBOOK :=
PROFILE :=
N := 20
# what runs once more on Keras' other backend; compiling for speed would take longer than it saves
ON_JAX := KERAS_BACKEND=jax JAX_PLATFORMS=cpu JAX_DISABLE_MOST_OPTIMIZATIONS=1
TESTS_ON_JAX := tests/generative tests/vision tests/test_callbacks.py tests/test_claims.py tests/test_run.py
# make clean, then make lab CONSTRAINTS=/dev/null: the newest releases
CONSTRAINTS ?= constraints.txt

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_ROOT_USER_ACTION = ignore
ifndef TFDS_DATA_DIR
ifneq ($(wildcard ../shared/tensorflow_datasets),)
export TFDS_DATA_DIR := $(abspath ../shared/tensorflow_datasets)
endif
endif

.PHONY: help course test test-real test-jax lab gpu present slides site bench data seeds soak mutants outputs badges constraints clean
.PHONY: tags exercises assignment test-assignment lint format check-install check-newest check-colab

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 16

course: $(VENV)/.course  ## execute every notebook, then render pages and slides into build/ (PROFILE=full: larger, for a GPU)
	$(if $(PROFILE),COURSEKIT_PROFILE=$(PROFILE) )$(BIN)/python tools/build_course.py $(NOTEBOOK)

# the tests of a file run in one process: what they share, such as the website, is made once
test: lint  ## unit tests, conventions, an install like Colab's, every notebook compared with its stored outputs
	$(BIN)/python tools/safely.py $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/python tools/check_install.py --constraints $(CONSTRAINTS)
	$(BIN)/python tools/check_notebooks.py --data drawn

test-real: $(VENV)/.course  ## every notebook on MNIST, real photographs and Omniglot, where prepared; other numerics
	$(BIN)/python tools/check_notebooks.py --data real

test-jax: $(VENV)/.course  ## the tests of the models once more, with Keras on JAX
	$(ON_JAX) $(BIN)/python tools/safely.py $(BIN)/python -m pytest -n 2 $(TESTS_ON_JAX)

test-assignment: $(VENV)/.nbgrader  ## release an assignment and mark two submissions, with nbgrader
	$(BIN)/python -m pytest tests/exercises/test_nbgrader.py

lint: $(VENV)/.course  ## what ruff says of the code and its layout
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/.course  ## let ruff mend the code and lay it out
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

check-install: $(VENV)/.course  ## install the package alone, as Colab does, and run two notebooks with it
	$(BIN)/python tools/check_install.py --constraints $(CONSTRAINTS)

check-colab: $(VENV)/.course  ## let a first cell install the course beside two releases of TensorFlow, as on Colab
	$(BIN)/python tools/check_install.py --colab 2.18.1 newest

check-newest: $(VENV)/.course  ## check-install with the newest release of every dependency
	$(BIN)/python tools/check_install.py --newest

lab: $(VENV)/.lab  ## open the notebooks in JupyterLab
	$(BIN)/python tools/lab.py

gpu: $(VENV)/.gpu  ## add the CUDA libraries of TensorFlow to .venv (Linux with an NVIDIA driver; some GB)

present: $(VENV)/.lab  ## make present NOTEBOOK=04: show it as slides whose cells run with Shift+Enter
	$(BIN)/python tools/lab.py --present "$(NOTEBOOK)"

slides: $(VENV)/.course  ## render pages and slides from the stored outputs, executing nothing
	$(BIN)/python tools/build_course.py --render-only $(NOTEBOOK)

site: $(VENV)/.site  ## the website and the API pages, into build/site
	$(BIN)/sphinx-build -q -b html docs build/site
	@echo build/site/index.html

bench: $(VENV)/.course  ## speed and accuracy against peers and papers; three hours; writes benchmarks/results.md
	for script in numpy_mlp applications lenet5 vae gan infogan; do $(BIN)/python benchmarks/$$script.py || exit 1; done

data: $(VENV)/.course  ## prepare the digits, characters and photographs now; downloads up to 800 MB
	$(BIN)/python -m coursekit.data

seeds: $(VENV)/.course  ## make seeds NOTEBOOK=04 N=20: how far each claim is from its bound, under N seeds
	$(BIN)/python tools/seeds.py $(NOTEBOOK) -n $(N)

soak: $(VENV)/.course  ## every claim under N seeds, both sources, two numerics: 30 hours for all, goes on where it was
	$(BIN)/python tools/soak.py $(NOTEBOOK) -n $(N)

mutants: $(VENV)/.course  ## break a notebook on purpose and see which claims notice (NOTEBOOK=04 for one)
	$(BIN)/python tools/mutants.py $(NOTEBOOK)

outputs: $(VENV)/.course  ## execute and store the outputs in notebooks/ (NOTEBOOK=04 for one)
	$(BIN)/python tools/build_course.py --store $(NOTEBOOK)

tags: $(VENV)/.course  ## hide the code that only draws: on decks, pages and in Jupyter (NOTEBOOK=04 for one)
	$(BIN)/python tools/tags.py $(NOTEBOOK)

exercises: $(VENV)/.course  ## write the exercises of coursekit/exercises/ into the notebooks (NOTEBOOK=04 for one)
	$(BIN)/python tools/exercises.py $(NOTEBOOK)

assignment: $(VENV)/.nbgrader  ## the exercises as nbgrader's source notebooks, in build/assignment (NOTEBOOK=04 for one)
	$(BIN)/python tools/exercises.py --assignment $(NOTEBOOK)

badges: $(VENV)/.course  ## write the repository's address of pyproject.toml into notebooks and README
	$(BIN)/python tools/badges.py

constraints: $(VENV)/.lab $(VENV)/.nbgrader $(VENV)/.site  ## pin what is installed in .venv
	@{ sed '/^#/!d' constraints.txt; $(BIN)/python -m pip freeze --all --exclude-editable --exclude coursekit --exclude pip; } > build.tmp
	@mv build.tmp constraints.txt

clean:  ## remove .venv and build/
	rm -rf $(VENV) build

# Each stamp stands for an installed set of extras; it is remade when the dependencies change.
INSTALL = $(BIN)/python -m pip install --quiet --quiet --constraint $(CONSTRAINTS) --editable

$(VENV)/.python:
	@command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON). Try: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) tools/check_python.py
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is needed (on Debian: apt install python3-venv)"; exit 1; }
	@touch $@

$(VENV)/.course: $(VENV)/.python pyproject.toml constraints.txt
	$(INSTALL) ".[test]"
	@touch $@

$(VENV)/.lab: $(VENV)/.course
	$(INSTALL) ".[lab]"
	@touch $@

$(VENV)/.gpu: $(VENV)/.course
	$(INSTALL) ".[gpu]"
	@touch $@

$(VENV)/.nbgrader: $(VENV)/.course
	$(INSTALL) ".[nbgrader]"
	@touch $@

$(VENV)/.site: $(VENV)/.course
	$(INSTALL) ".[site]"
	@touch $@
