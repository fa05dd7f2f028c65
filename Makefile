# SPDX-License-Identifier: Apache-2.0
# Everything is installed into .venv: by uv where that is on the PATH, else by pip (`make UV= test`: by pip in any case).
# Another interpreter: `make PYTHON=python3.12 test`, after `make clean`.

PYTHON ?= python3
UV ?= $(shell command -v uv)
VENV := .venv
BIN := $(VENV)/bin
OUT := out/demo
COQ := coq libcoq-mathcomp-ssreflect libcoq-mathcomp-algebra ocaml ocaml-findlib libzarith-ocaml-dev

INSTALL = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test extras lemmas lint proofs coqchk verified docs web labs slides clean

help:
	@echo 'make demo    reduce the bundled networks into $(OUT), and check each certificate with the bare checker'
	@echo 'make test    run the tests'
	@echo 'make extras  install PyTorch, numba and Sphinx too, so that no test is skipped for want of them'
	@echo 'make lemmas  put the lemma library, proofs/smt, to z3 and cvc5'
	@echo 'make lint    ruff check, ruff format --check, mypy --strict'
	@echo 'make docs    build the site of the documents into out/site'
	@echo 'make web     build the page that checks certificates in a browser into out/web; npm fetches Pyodide once'
	@echo 'make labs    run the labs of the class, and write them as notebooks into out/labs'
	@echo 'make slides  make one page of the slides of the class, out/slides.html'
	@echo 'make proofs  compile and audit the Coq proofs, and build the checker that is extracted from them'
	@echo 'make verified  reduce the bundled networks, and ask both checkers of each certificate, check.py and the proved one'
	@echo 'make coqchk  let the independent checker of Coq go over the compiled proofs'
	@echo 'make clean   remove $(VENV), out and all caches'

demo: $(VENV)/core.stamp
	@$(BIN)/exactlump demo --out $(OUT)
	@for certificate in $(OUT)/*.cert.json; do \
		reduced=$${certificate%.cert.json}; \
		name=$$(basename "$$reduced"); \
		original=$$(ls exactlump/networks/$${name%%.*}.*) || exit 2; \
		echo "$(PYTHON) -I exactlump/check.py $$original $$reduced $$certificate"; \
		$(PYTHON) -I exactlump/check.py "$$original" "$$reduced" "$$certificate" || exit; \
	done

test: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -n auto

extras: $(VENV)/dev.stamp
	@echo 'installing PyTorch, numba and Sphinx into $(VENV)' >&2
	@$(INSTALL) --editable '.[fast,torch,docs]'
	@$(INSTALL) --editable '.[storm]' || echo 'no Storm for this machine: the tests that ask it are skipped' >&2

lemmas: $(VENV)/dev.stamp
	@$(BIN)/python -m exactlump.smt.lemmas proofs/smt

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(VENV)/dev.stamp
	@$(INSTALL) --editable '.[docs]'
	@$(BIN)/python -m sphinx -W --keep-going -q -c docs/site . out/site
	@echo out/site/docs/site/index.html

web: $(VENV)/core.stamp
	@$(BIN)/python docs/web/build.py out/web

labs: $(VENV)/core.stamp
	@$(BIN)/python docs/labs/run.py
	@$(BIN)/python docs/labs/run.py --notebooks out/labs

slides: $(VENV)/core.stamp
	@$(BIN)/python docs/labs/slides.py out/slides.html

verified: $(VENV)/core.stamp proofs
	@$(BIN)/exactlump demo --out $(OUT)
	@for certificate in $(OUT)/*.cert.json; do \
		reduced=$${certificate%.cert.json}; \
		name=$$(basename "$$reduced"); \
		original=$$(ls exactlump/networks/$${name%%.*}.*) || exit 2; \
		echo "exactlump check --verified $$original $$reduced $$certificate"; \
		$(BIN)/exactlump check --verified "$$original" "$$reduced" "$$certificate" || exit; \
	done

# `make -C proofs clean` removes what these build.
proofs coqchk:
	@for tool in coqc ocamlfind; do command -v $$tool >/dev/null || \
		{ echo "$$tool: not found, expected the packages of proofs/README.md: sudo apt-get install $(COQ)" >&2; exit 2; }; done
	@$(MAKE) --no-print-directory -C proofs $(if $(filter coqchk,$@),coqchk)

clean:
	rm -rf $(VENV) out build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than all that its step depends on.  The dev tools include the core: one install serves both.
$(VENV)/made.stamp: pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
		{ echo '$(PYTHON): not found, expected Python 3.11 or newer: sudo apt-get install python3 python3-venv' >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON): found $$($(PYTHON) --version), expected Python 3.11 or newer: set PYTHON=" >&2; exit 2; }
	@test -n '$(UV)' || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON): found no module ensurepip, expected it: sudo apt-get install python3-venv' >&2; exit 2; }
	@rm -rf $(VENV)
	@$(if $(UV),$(UV) venv --quiet --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))
	@touch $@

$(VENV)/core.stamp: $(VENV)/made.stamp
	@echo 'installing exactlump into $(VENV)' >&2
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/made.stamp
	@echo 'installing exactlump and the tools of its tests into $(VENV)' >&2
	@$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/core.stamp $@
