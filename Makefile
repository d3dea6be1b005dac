# All that a person needs to work on the project; everything is kept inside its folder.
#   make test                      the tests, on SQLite and on each database server that is there
#   make test ARGS="-k email -x"   the same, with arguments for pytest
#   make demo PYTHON=python3.13    with another Python than python3
#   make serve BUSY=1              the demo's admin on a busy day, as in the README's picture
#   make messages LANGUAGE=fr      a catalog of French texts, to be filled in
# What is installed is what constraints.txt says, today and in a year; `make lock` renews it.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
LOCK := constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --strip-extras \
	--no-annotate --no-emit-index-url --custom-compile-command 'make lock'
INSTALL := $(PIP) install --quiet --constraint $(LOCK) --build-constraint $(LOCK)

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-all test-nightly test-newest lock check docs messages screenshots clean

help:  ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.project  ## Send three notifications to stand-ins on this machine, and show them
	@$(BIN)/python example/demo.py

serve: export EXAMPLE_DATABASE = $(if $(BUSY),busy_day,db).sqlite3
serve: .venv/.project  ## Open the demo's admin on http://127.0.0.1:8000/admin/; BUSY=1: with a day's notifications
	@$(BIN)/python example/demo.py $(if $(BUSY),--only-make-busy-day,--only-make-database)
	@$(BIN)/python example/manage.py runserver 127.0.0.1:8000

test: .venv/.test  ## Run the tests on SQLite, PostgreSQL and MariaDB; a server that is not there is skipped
	@$(BIN)/python -m tests.run_databases $(ARGS)

test-all: .venv/.nox  ## Run them on every supported pair of Python and Django; a Python that is not there is skipped
	@$(BIN)/nox $(if $(CI),,--no-error-on-missing-interpreters) $(if $(ARGS),-- $(ARGS))

test-nightly: .venv/.test  ## Run them the long way: all of what by day is one of each kind
	@TEST_NIGHTLY=1 $(BIN)/python -m tests.run_databases $(ARGS)

test-newest: .venv/.nox  ## Run them with the newest release of everything, which nobody has tried yet
	@$(BIN)/nox --session newest $(if $(ARGS),-- $(ARGS))

lock: .venv/.lock  ## Lock the newest release of everything that these commands install
	$(COMPILE) --all-extras $(addprefix --group ,docs test check nox lock) --output-file $(LOCK) pyproject.toml
	$(COMPILE) --output-file tests/upgrade/constraints.txt --no-config tests/upgrade/requirements.txt

check: .venv/.check  ## Check style, types, imports, prose, migrations and the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.prose --check
	$(BIN)/django-admin makemigrations --check --dry-run --settings tests.settings --pythonpath .
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build

docs: .venv/.docs  ## Build the documentation in docs/_build
	$(BIN)/sphinx-build -W --keep-going --fresh-env -b html docs docs/_build # else its search forgets words

screenshots: .venv/.test  ## Take the documentation's pictures of the admin anew
	@$(BIN)/python docs/make_screenshots.py

messages: .venv/.test  ## Bring the translations up to date with the source; LANGUAGE=fr begins one
	@$(BIN)/python -m tests.translations $(LANGUAGE)

clean:  ## Remove everything that these commands have made
	rm -rf .venv .nox .mypy_cache .pytest_cache .ruff_cache build dist docs/_build example/*.sqlite3*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each file below stands for something installed; it is made anew when what it is made of changes.

.venv/.pip: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed. Name one that is there, such as: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint $(LOCK) pip
	@touch $@

.venv/.project: .venv/.pip pyproject.toml
	$(INSTALL) --editable '.[all]'
	@touch $@

# The documentation quotes docstrings of modules that need these three extras.
.venv/.docs: .venv/.pip pyproject.toml
	$(INSTALL) --editable '.[celery,testing,twilio]' --group docs
	@touch $@

.venv/.test: .venv/.project
	$(INSTALL) --group test
	@touch $@

.venv/.check: .venv/.test
	$(INSTALL) --group check
	@touch $@

.venv/.nox: .venv/.pip pyproject.toml
	$(INSTALL) --group nox
	@touch $@

.venv/.lock: .venv/.pip pyproject.toml
	$(INSTALL) --group lock
	@touch $@
