# Without make, the same steps stand in README.md.
VENV   := .venv
ifeq ($(OS),Windows_NT)
PYTHON ?= py -3
BIN    := $(VENV)/Scripts
else
PYTHON ?= python3
BIN    := $(VENV)/bin
endif
READY  := $(VENV)/ready
TESTING := $(VENV)/ready-to-test

.DEFAULT_GOAL := help
.PHONY: help setup messages book pdf experiments gpu tensorflow test lab check notebooks serve editor clean

help:       ## show these lines
	@sed -n 's/^\([a-z]*\): *[^#]*## /\1\t/p' Makefile | expand -t 12

setup: $(READY) ## create the environment in .venv

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d; name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python install.py requirements.txt
	@touch $(READY)

$(TESTING): $(READY) requirements-test.txt
	@$(BIN)/python install.py requirements-test.txt
	@touch $(TESTING)

book: $(READY)      ## execute and render the book, and say where to open it; CARDS=none: exercises in notebooks only; LANGUAGE=en: English alone
	@$(BIN)/python -m bncourse book $(if $(CARDS),--cards $(CARDS)) $(if $(LANGUAGE),--language $(LANGUAGE))

pdf: book $(TESTING) ## print the whole course into _build/batch-normalization.pdf; LANGUAGE=ja: in Japanese
	@$(BIN)/python -m bncourse pdf $(if $(LANGUAGE),--language $(LANGUAGE))

experiments: $(READY) ## run the pages' experiments with all their seeds, half an hour or so: ID=7 for a chapter
	@$(BIN)/python -m bncourse experiments $(ID)

gpu: $(READY)       ## run every page on a GPU, at the size for one: ID=7 for a chapter; what failed runs again
	@$(BIN)/python -m bncourse gpu $(ID)

tensorflow: $(READY) ## run TensorFlow and JAX beside PyTorch, in an environment of their own, over a gigabyte
	@$(BIN)/python benchmarks/frameworks.py

ifdef CH
test: $(TESTING)    ## run all tests; CH=3 for a chapter, CH=3.1 for an exercise
	@$(BIN)/python -m pytest --nbval tests solutions --of $(CH) $(OPTIONS)
else
test: $(TESTING)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest --nbval tests solutions -n auto --dist loadgroup --no-loadscope-reorder --durations 25 $(OPTIONS)
endif

lab: $(READY)       ## copy missing exercise notebooks into work/, open JupyterLab there; LANGUAGE=ja: in Japanese; ARGS=--allow-root
	@$(BIN)/python -m bncourse lab $(if $(LANGUAGE),--language $(LANGUAGE)) -- $(ARGS)

check: $(READY)     ## check the answers in work/
	@$(BIN)/python -m bncourse check $(ID) || [ $$? -eq 1 ]

notebooks: $(READY) ## write exercise and solution notebooks from solutions/*.py: ID=3 for a chapter
	@$(BIN)/python -m bncourse notebooks $(ID)

messages: $(READY)  ## bring the translations' catalogues up to date; START="checks/03_normalize" begins one
	@$(BIN)/python -m bncourse messages $(if $(START),--start $(START))

serve: $(READY)     ## serve the built site on this machine
	@$(BIN)/python -m bncourse serve

editor:     ## bundle the code editor of the pages from editor/; needs Node
	cd editor && npm ci && npm run build

clean:      ## remove the built site and the environment; work/ stays
	rm -rf _build $(VENV) *.egg-info editor/node_modules
