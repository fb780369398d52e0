# Thin: every target is one command, written out in docs/contributing.md.
# A fresh machine needs git, make and python3 >= 3.11; uv, the environment and the locked packages come by themselves.
SHELL := /bin/sh
.DELETE_ON_ERROR:
.PHONY: demo test test-all lint types bench fuzz chaos soak hostile laws machine mutants screenshots excerpts install clean help

export UV_PYTHON_DOWNLOADS := never
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin
STAMP := .venv/.installed

demo: $(STAMP) ## the whole job on this machine: no account, no key (ARGS=--keep leaves its pages up)
	$(RUN)/ai-ready demo $(ARGS)

# Three workers for two cores: stories wait for processes and clocks as long as they compute.
test: $(STAMP) ## unit tests, and the stories that need nothing else (ARGS=tests/core: only these)
	$(RUN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

test-all: $(STAMP) ## also what needs npm (its packages go to .ai-ready/), PostgreSQL or Chromium (installed where we may)
	.ci/postgres
	.ci/browser
	AI_READY_TEST_NPM=1 AI_READY_TEST_POSTGRES=1 AI_READY_TEST_BROWSER=1 $(RUN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

lint: $(STAMP) ## ruff, zizmor, the schemas of the workflow files
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/zizmor --offline --persona pedantic --no-progress .github/workflows/*.yml examples/*.yml action.yml
	$(RUN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/*.yml
	$(RUN)/check-jsonschema --builtin-schema vendor.github-actions action.yml

types: $(STAMP) ## mypy, strict
	$(RUN)/mypy

bench: $(STAMP) ## what things cost, beside what they are compared with (ARGS=planner: only that)
	$(RUN)/python -m benchmarks $(ARGS)

fuzz: $(STAMP) ## broken, odd and good webhook deliveries against the real server (N=100000: so many)
	$(RUN)/python -m tests.fuzz $(if $(N),N=$(N)) $(if $(SEED),SEED=$(SEED)) $(ARGS)

chaos: $(STAMP) ## the server killed at every step, on SQLite and on PostgreSQL with two replicas (N=2000: so many kills)
	$(RUN)/python -m tests.chaos $(if $(N),N=$(N)) $(if $(SEED),SEED=$(SEED)) $(ARGS)

soak: $(STAMP) ## one server for long, nothing of which may go on growing (MINUTES=1440: so long)
	$(RUN)/python -m tests.chaos.soak $(if $(MINUTES),MINUTES=$(MINUTES)) $(if $(SEED),SEED=$(SEED)) $(ARGS)

hostile: $(STAMP) ## attacks on the real three jobs, each with the defence that holds it and without (as root; ARGS=S05: only these)
	$(RUN)/python -m tests.hostile $(ARGS)

chaos-local: $(STAMP) ## the laptop's runner killed at every step and by the clock (N=1000: so many kills)
	$(RUN)/python -m tests.chaos.local $(if $(N),N=$(N)) $(if $(SEED),SEED=$(SEED)) $(ARGS)

laws: $(STAMP) ## laws of sanitiser, redactor, prompts and what goes out, over tests/corpus (N=10000: so many examples of each)
	$(if $(N),N=$(N)) $(RUN)/python -m pytest -q --timeout 0 tests/laws $(ARGS)

machine: $(STAMP) ## whatever people, GitHub and runners may do, in any order (N=10000: so many examples)
	$(RUN)/python -m tests.machine $(if $(N),N=$(N)) $(if $(SEED),SEED=$(SEED)) $(ARGS)

mutants: $(STAMP) ## the policy modules changed one thing at a time: which test notices (ARGS=core/paths: only that module)
	$(RUN)/python -m tests.mutants $(ARGS)

screenshots: $(STAMP) ## the pictures in docs/img (needs Chromium and npm)
	$(RUN)/python -m bot.sandbox.demo.screenshots $(ARGS)

excerpts: $(STAMP) ## what a run says, in docs/progress.md
	$(RUN)/python -m bot.sandbox.demo.excerpt

install: $(STAMP) ## the environment in .venv

$(STAMP): pyproject.toml uv.lock | $(UV)
	@echo "Installing the locked packages into .venv/ (about 650 MB, once) ..."
	$(UV) sync --frozen --quiet
	@touch $@

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ai-ready needs python3 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 2; }
	@echo "Fetching uv into .uv/ ..."
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes --only-binary :all: \
	    --target .uv --requirement .github/action/uv.txt || { echo "python3 has no pip; install uv or python3-pip first."; exit 2; }

clean: ## remove what the targets made
	rm -rf .venv .uv .ai-ready .pytest_cache .mypy_cache .ruff_cache .hypothesis

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
