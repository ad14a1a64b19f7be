# Every command that a person types by hand. `make` alone lists them.

PORT ?= 8000
DATA ?= data
TO ?= backup
python := .venv/bin/python
lock := $(python) -m uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 \
	--no-header --no-annotate --quiet
unhashed := sed -e '/--hash=/d' -e 's/ \\$$//'

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check format migrate backup restore access scrub locks

help: ## list these commands
	@sed -n 's/^\([a-z%-]*\):[^#]*## \(.*\)$$/make \1	\2/p' $(MAKEFILE_LIST) | sort | expand -t 16

setup: ## make .venv hold what the locks name (run and test do it by themselves); PYTHON= names the Python
	@deploy/setup

run: setup ## start Ursa on this machine, http://127.0.0.1:8000; PORT= and DATA= (a folder) change where
	@exec $(python) -m deploy.run --port "$(PORT)" --data "$(DATA)"

demo: setup ## play the whole story on sample pictures; TRAIN= and SHIFT= take folders, EXIT=1 stops at the end
	@exec $(python) -m deploy.demo --port "$(PORT)" --data "$(DATA)/demo" $(if $(EXIT),--exit) \
		$(if $(TRAIN),--train "$(TRAIN)" --shift "$(SHIFT)")

test: setup ## run the tests; what this machine lacks is skipped and reported at the end
	@OMP_NUM_THREADS=1 $(python) -m pytest -n auto --dist worksteal

check: setup ## format, lint, types, import contracts, rules of the house, known vulnerabilities of dependencies
	$(python) -m ruff format --check
	$(python) -m ruff check
	$(python) -m mypy
	.venv/bin/lint-imports
	$(python) -m deploy.rules
	$(python) -m deploy.audit

format: setup ## put the code in its form
	$(python) -m ruff format
	$(python) -m ruff check --fix

migrate: setup ## bring the database that URSA_DATABASE_URL names up to date (make run does it by itself)
	@$(python) -m deploy.migrate

backup: setup ## copy database, pictures and bundles to the folder TO=; everything may go on meanwhile
	@$(python) -m deploy.backup save "$(TO)" --data "$(DATA)"

restore: setup ## bring back what `make backup` has copied, from FROM= into an empty place
	@$(python) -m deploy.backup restore $(if $(FROM),"$(FROM)") --data "$(DATA)"

access: setup ## say who may get in, and what to type to keep each of them out
	@$(python) -m deploy.backup access --data "$(DATA)"

scrub: setup ## look whether every picture and bundle is there and unaltered; FROM= looks into a backup
	@$(python) -m deploy.backup scrub $(if $(FROM),"$(FROM)") --data "$(DATA)"

bench-%: setup ## measure: make bench-NAME runs tests/benchmarks/NAME.py; ARGS="--long" are its options, ARGS=--help lists them
	@$(python) -m tests.benchmarks.$* $(ARGS)

locks: setup ## write deploy/locks from pyproject.toml and keep versions; UPGRADE=--upgrade takes the newest
	echo uv | $(subst pyproject.toml,-,$(lock)) $(UPGRADE) -o deploy/locks/bootstrap.txt
	$(lock) $(UPGRADE) --group dev -o deploy/locks/development.txt
	$(unhashed) deploy/locks/development.txt > .venv/versions.txt
	for group in service monitoring retrain; do \
		$(lock) --group $$group -c .venv/versions.txt -o deploy/locks/$$group.txt || exit 1; \
	done
