# Without make, the same steps stand in README.md.
PYTHON ?= python3
VENV   := .venv
ifeq ($(OS),Windows_NT)
BIN    := $(VENV)/Scripts
else
BIN    := $(VENV)/bin
endif
READY  := $(VENV)/ready
TESTING := $(VENV)/ready-to-test

.DEFAULT_GOAL := help
.PHONY: help setup book pdf experiments test lab check notebooks serve clean

help:       ## show these lines
	@sed -n 's/^\([a-z]*\): *[^#]*## /\1\t/p' Makefile | expand -t 12

setup: $(READY) ## create the environment in .venv

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d; name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements.txt -e .
	@touch $(READY)

$(TESTING): $(READY) requirements-test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-test.txt
	@touch $(TESTING)

book: $(READY)      ## execute and render the book, and say where to open it
	@$(BIN)/python -m bncourse book

pdf: book $(TESTING) ## print the whole course into _build/batch-normalization.pdf
	@$(BIN)/python -m bncourse pdf

experiments: $(READY) ## run the pages' experiments with all their seeds, half an hour or so: ID=7 for a chapter
	@$(BIN)/python -m bncourse experiments $(ID)

test: $(TESTING)    ## run all tests
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pytest -n auto --dist loadgroup
	$(BIN)/python -m pytest -n auto --dist loadfile --nbval solutions

lab: $(READY)       ## copy missing exercise notebooks into work/ and open JupyterLab there
	@$(BIN)/python -m bncourse lab

check: $(READY)     ## check the answers in work/
	@$(BIN)/python -m bncourse check $(ID)

notebooks: $(READY) ## write exercise and solution notebooks from solutions/*.py
	@$(BIN)/python -m bncourse notebooks

serve: $(READY)     ## serve the built site on this machine
	@$(BIN)/python -m bncourse serve

clean:      ## remove the built site and the environment; work/ stays
	rm -rf _build $(VENV) *.egg-info
