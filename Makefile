# Tonearm's front door. `make` alone lists what there is.
#
# On a machine with Python 3.11 or newer and Terraform, every target sets up what it needs: the first run makes .venv
# from uv.lock (with a pinned uv in .uv where none is on PATH), later runs find it up to date and do nothing.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# These count when they stand on the command line only: PORT in somebody's environment was set for something else.
options := STACK PORT EDGE_PORT LAMBDA SONG RECIPE OUT ONLY QUICK
given = $(filter command,$(origin $(1)))
$(foreach option,$(options),$(if $(call given,$(option)),,$(eval unexport $(option))))

# The values travel by environment, so that names with spaces and quotes arrive as they are.
with_stack := $(if $(call given,STACK),TONEARM_STACK="$$STACK") \
	$(if $(call given,PORT),TONEARM_PORT="$$PORT") \
	$(if $(call given,EDGE_PORT),TONEARM_EDGE_PORT="$$EDGE_PORT") \
	$(if $(call given,LAMBDA),TONEARM_LAMBDA="$$LAMBDA")
# Where the pinned uv lies when the machine has none; last, because there is a python3 as well.
export PATH := $(PATH):$(CURDIR)/.uv/bin

# A proxy that reaches the world does not reach this machine's own ports.
export no_proxy := $(or $(no_proxy),$(NO_PROXY)),127.0.0.1,localhost

tonearm := $(with_stack) .venv/bin/tonearm
python := .venv/bin/python
pytest := $(python) -m pytest -p tests.parts
# Tests on the applied stack share one stack and run one after another, first of all; the others run beside them.
spread := -n 2 --dist loadgroup --no-loadscope-reorder
started := $(shell date +%s)
ready := .venv/tonearm-is-set-up

.PHONY: help setup demo test unit integration infrastructure nightly bench e2e lint format up down status reset destroy \
	build images test-images openapi clean has-terraform

help: ## List the targets
	@printf 'usage: make <target>\n\n'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile
	@printf '\nSTACK=name PORT=n EDGE_PORT=n choose another laptop stack, for demo, up, down, status, reset and destroy.\n'
	@printf 'LAMBDA=docker runs the steps in their images, LAMBDA=process as processes, for demo and up.\n'

setup: $(ready) ## Make .venv what uv.lock says

$(ready): uv.lock pyproject.toml $(wildcard layers/*/pyproject.toml scripts/*/pyproject.toml) scripts/setup.sh
	@scripts/setup.sh

has-terraform:
	@command -v terraform >/dev/null || { \
		echo "tonearm: Terraform is not installed; get 1.11 or newer from https://developer.hashicorp.com/terraform/install." >&2; \
		exit 1; }

demo: has-terraform $(ready) ## Take a song through the whole system: SONG=path RECIPE='tempo=1.1,pitch=2' OUT=out
	@$(tonearm) demo $(if $(call given,SONG),--song "$$SONG") $(if $(call given,RECIPE),--recipe "$$RECIPE") \
		$(if $(call given,OUT),--out "$$OUT")

test: has-terraform $(ready) lint ## Run every check and every test, and say what took how long
	@$(pytest) $(spread) --also-took "setup, lint=$$(($$(date +%s) - $(started)))"

unit: $(ready) ## Run the tests that need no stack
	@$(pytest) $(spread) tests/unit tests/security

integration: has-terraform $(ready) ## Apply the stack and run the tests that use it
	@$(pytest) tests/integration

infrastructure: has-terraform $(ready) ## Check the Terraform: format, validity, plans with a mocked provider
	@$(pytest) tests/infrastructure

nightly: has-terraform $(ready) ## Run the tests that take long: bursts of whole songs, and stops amid them
	@$(pytest) -m nightly tests

bench: $(ready) ## Measure the engine beside its peers, and write docs/benchmarks.md: ONLY=job QUICK=1
	@$(python) -m tests.performance.bench $(if $(call given,ONLY),--only "$$ONLY") $(if $(call given,QUICK),--quick) \
		$(if $(call given,OUT),--out "$$OUT")

e2e: has-terraform $(ready) ## Run the demo on the applied stack, on a song and on rubbish
	@$(pytest) tests/e2e

lint: $(ready) ## Check style, types and the direction of imports
	@.venv/bin/ruff check --quiet . && echo "ruff check: clean"
	@.venv/bin/ruff format --check --quiet . && echo "ruff format: clean"
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo

format: $(ready) ## Format the sources and mend what ruff can
	@.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format .
	@! command -v terraform >/dev/null || terraform fmt -recursive terraform

up: has-terraform $(ready) ## Start the laptop stack, or bring it up to date
	@$(tonearm) stack up

down: $(ready) ## Stop the laptop stack and keep what it holds
	@$(with_stack) .venv/bin/tonearm stack down

status: $(ready) ## Say what of the laptop stack runs
	@$(tonearm) stack status

reset: $(ready) ## Stop the laptop stack and delete all that it holds
	@$(tonearm) stack reset

destroy: has-terraform $(ready) ## Let Terraform delete the laptop stack, and check that nothing is left
	@$(tonearm) stack destroy

build: $(ready) ## Build the zips and the page that terraform apply uploads to AWS, into build/
	@$(tonearm) build

images: $(ready) ## Build the container images of the workflow's steps
	@$(tonearm) images build

test-images: has-terraform $(ready) ## Run every step's image under Lambda's conditions, and print what was measured
	@$(tonearm) images test

openapi: $(ready) ## Write docs/openapi.json anew
	@$(python) -m functions.api.openapi_document > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json

clean: ## Delete what can be made again: environments, caches, build/
	@rm -rf .venv .uv build web/node_modules web/src/api/schema.d.ts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.tonearm/*' -prune -exec rm -rf {} +
