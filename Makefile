# make lab    set up, then JupyterLab at lesson 00     (make lab ARGS=--no-browser on a server)
# make test   set up, ruff, mypy, all tests            (make test ARGS="-k pop3" for some)
# make site       builds site/index.html: every lesson, run, as a page
# make reliability    runs what judges us, and writes docs/reliability.md
# make gallery    builds gallery/index.html: the player on real runs
# make cases      makes the gallery of capsules (mailedu/examine/capsules) and docs/cases.md anew
# All the work is in tools/dev.py, which runs where there is no make too.

PYTHON ?= python3
ARGS ?=

.PHONY: lab test lint bench gallery site reliability cases long lock setup clean
.DEFAULT_GOAL := lab

lab test lint bench gallery site reliability cases long lock setup clean:
	@$(PYTHON) tools/dev.py $@ $(ARGS)
