# Needs Python 3.11 or newer and make, nothing else. Each target sets up .venv by itself;
# uv is used where it is installed.

PYTHON ?=
WORKERS ?= 2
PARAMETERS ?= parameters/lab.yaml

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
# Without the plugins that come along with packages: nbval takes longer to load than the product.
LEAN_PYTEST := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(PYTEST) -p xdist -p hypothesispytest
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
PARTS := lint test-unit test-lab test-judges test-protocol test-end-to-end test-notebooks test-browser

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

## Set-up ----------------------------------------------------------------------------------------

.PHONY: setup
setup: $(READY) ## make .venv ready, and do nothing where it is

# The lock names every package with its hashes; the project itself is installed last, editable and
# without a build environment of its own, so that nothing outside the lock is fetched.
$(READY): requirements.txt pyproject.toml
	@python=; \
	for each in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$each; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or newer is needed and none was found."; \
	  echo "  Why:  $(or $(PYTHON),python3) -V says: $$($(or $(PYTHON),python3) -V 2>&1 | head -n 1)"; \
	  echo "  Next: install a newer one, or name it: make PYTHON=/path/to/python3.12 ..."; \
	  exit 2; \
	fi; \
	total=$$(grep -c '^[a-z0-9]' requirements.txt); \
	echo "Setting up $(VENV), once: about $$total packages with $$("$$python" -V)"; \
	if command -v uv >/dev/null 2>&1; then \
	  $(BIN)/python -c 1 2>/dev/null || uv venv --quiet --clear --python "$$python" $(VENV) || exit 2; \
	  uv pip install --python $(BIN)/python --compile-bytecode --only-binary :all: --require-hashes -r requirements.txt >$(VENV)/set-up.log 2>&1 \
	    && uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable . >>$(VENV)/set-up.log 2>&1 \
	    || { tail -n 20 $(VENV)/set-up.log; exit 2; }; \
	else \
	  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$python cannot make a virtual environment."; \
	    echo "  Why:  its modules venv and ensurepip are a package of their own here"; \
	    echo "  Next: apt install python3-venv"; \
	    exit 2; \
	  fi; \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV) || exit 2; \
	  rm -f $(VENV)/.installed; \
	  { $(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off \
	      --only-binary :all: --require-hashes -r requirements.txt \
	    && $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet \
	      --no-deps --no-build-isolation --editable . \
	    && touch $(VENV)/.installed; } 2>&1 | tee $(VENV)/set-up.log \
	    | awk -v total=$$total '/^(Collecting|Processing) / {n++; if (n % 25 == 0) {print "  found " n " of about " total; fflush()}} \
	        /^Installing collected/ {print "  installing (half a minute)"; fflush()}'; \
	  if [ ! -e $(VENV)/.installed ]; then tail -n 20 $(VENV)/set-up.log; exit 2; fi; \
	fi; \
	touch $(READY); \
	echo "Ready."

## Use -------------------------------------------------------------------------------------------

.PHONY: run
run: $(READY) ## rehearse the whole procedure on simulated nodes (PARAMETERS=file for another)
	@$(BIN)/scc-runbook run $(PARAMETERS)

# A copy, so that autosave cannot touch the notebooks of the tree; parameters and runs are shared.
.PHONY: guide
guide: $(READY) ## open the notebooks in JupyterLab
	@rm -rf build/guide && mkdir -p build/guide runs
	@cp -R notebooks build/guide/notebooks
	@ln -s ../../parameters build/guide/parameters
	@RUNBOOK_RUNS='$(CURDIR)/runs' $(BIN)/jupyter lab $(AS_ROOT) \
	  --ServerApp.root_dir='$(CURDIR)/build/guide' --LabApp.default_url=/lab/tree/notebooks

.PHONY: lab
lab: $(READY) ## serve the simulated nodes until stopped
	@$(BIN)/scc-runbook lab $(PARAMETERS)

## Check -----------------------------------------------------------------------------------------

# Every part runs, the last lines say how each ended and how long it took.
.PHONY: test
test: $(READY) ## check everything
	@failed=0; table=; began=$$(date +%s); \
	for part in $(PARTS); do \
	  printf '\n== %s\n' $$part; start=$$(date +%s); \
	  if $(MAKE) --no-print-directory $$part; then word=ok; else word=FAILED; failed=$$((failed + 1)); fi; \
	  table="$$table$$(printf '  %-18s %-7s %4d s' $$part $$word $$(($$(date +%s) - start)))\n"; \
	done; \
	printf "\n$$table  %-18s %-7s %4d s\n" all '' $$(($$(date +%s) - began)); \
	if [ $$failed -ne 0 ]; then echo "$$failed of $(words $(PARTS)) parts failed."; exit 1; fi

.PHONY: lint
lint: $(READY) ## ruff, mypy, codespell
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/codespell

.PHONY: format
format: $(READY) ## let ruff format and sort
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

# No kernel specification and no setting of the person who runs the tests may reach them.
define in_own_folders
	@folder=$$(mktemp -d "$${TMPDIR:-/tmp}/runbook.XXXXXX") && trap 'rm -rf "$$folder"' EXIT INT TERM && \
	export RUNBOOK_RUNS="$$folder/runs" JUPYTER_CONFIG_DIR="$$folder/config" \
	  JUPYTER_DATA_DIR="$$folder/data" JUPYTER_RUNTIME_DIR="$$folder/runtime" \
	  IPYTHONDIR="$$folder/ipython" JUPYTER_PLATFORM_DIRS=1 && \
	mkdir "$$folder/runs" && 
endef

# HYPOTHESIS_PROFILE=thorough draws four times as many examples, here and for the judges.
.PHONY: test-unit
test-unit: $(READY) ## the fast tests, no sockets
	$(in_own_folders) $(LEAN_PYTEST) -q -n $(WORKERS) tests/unit

.PHONY: test-lab
test-lab: $(READY) ## the simulated site, and whole phases on it in one process, no sockets
	$(in_own_folders) $(LEAN_PYTEST) -q -n $(WORKERS) --dist loadfile --durations 10 \
	  tests/lab tests/phases

.PHONY: test-judges
test-judges: $(READY) ## PowerShell (RUNBOOK_PWSH, else pwsh), jq and others on what we send and keep
	$(in_own_folders) $(LEAN_PYTEST) -q -n $(WORKERS) --dist loadfile tests/judges

.PHONY: test-protocol
test-protocol: $(READY) ## sessions against simulated nodes on loopback, several processes
	$(in_own_folders) $(LEAN_PYTEST) -q -n $(WORKERS) --dist loadfile tests/protocol

.PHONY: test-end-to-end
test-end-to-end: $(READY) ## whole runs, crashes and resumes
	$(in_own_folders) $(LEAN_PYTEST) -q -n $(WORKERS) --dist loadfile --durations 10 \
	  tests/end_to_end

.PHONY: test-notebooks
test-notebooks: $(READY) ## structure and reference outputs of the notebooks
	$(in_own_folders) $(PYTEST) -q tests/notebooks && \
	  $(PYTEST) -q -n $(WORKERS) --dist loadscope --nbval --nbval-current-env notebooks

.PHONY: test-browser
test-browser: $(READY) ## the guided run in a real browser
	$(in_own_folders) $(LEAN_PYTEST) -q tests/browser

.PHONY: notebooks
notebooks: $(READY) ## run the notebooks and keep their outputs as the reference
	$(in_own_folders) $(BIN)/python -m tests.notebooks.reference_outputs

.PHONY: bench
bench: $(READY) ## measure
	$(in_own_folders) $(PYTEST) -q -s tests/benchmarks

.PHONY: coverage
coverage: $(READY) ## each sentence of the procedure, its phase, its steps and its tests
	@$(BIN)/scc-runbook coverage --tests

.PHONY: line-coverage
line-coverage: $(READY) ## lines and branches that unit, lab and protocol tests reach
	@rm -f .coverage .coverage.*
	$(in_own_folders) $(BIN)/coverage run -m pytest -q tests/unit tests/lab tests/phases tests/protocol
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

## Keep ------------------------------------------------------------------------------------------

# Newer versions: the lock is resolved for Python 3.11 and later on Linux and macOS, names no host.
.PHONY: requirements
requirements: $(READY) ## resolve requirements.txt again (needs uv)
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-annotate --no-header --quiet --output-file requirements.txt

.PHONY: clean
clean: ## remove what can be made again; runs/ stays
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
	@find runbook_lib tests -name __pycache__ -type d -prune -exec rm -rf {} +
