# The developer's entry: `make check` is all that CI runs. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv/bin

.PHONY: check test format clean

.venv: pyproject.toml
	$(PYTHON) -m venv .venv
	$(VENV)/pip install -q -e '.[dev]'
	touch .venv

# Format, lint, types and import direction are tests too, in tests/test_house.py.
check: .venv
	$(VENV)/python -m pytest

# The tests that take no model and no fresh environment: seconds, not minutes.
test: .venv
	$(VENV)/python -m pytest -m 'not weights and not house'

format: .venv
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

clean:
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
