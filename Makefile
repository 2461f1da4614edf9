# Works with GNU make 3.81, which is what macOS has.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Play a day in the hospital, faults included, and stop everything again
	@$(PYTHON) -m demo

.PHONY: test
test: setup ## Run all tests (ARGS="-k admission" runs some)
	@$(PYTHON) -m pytest $(ARGS)

.PHONY: up
up: setup ## Start the hospital and leave it running; prints its URLs
	@$(PYTHON) -m local up

.PHONY: status
status: setup ## Show the processes of the running hospital
	@$(PYTHON) -m local status

.PHONY: down
down: ## Stop the hospital; its data stays
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local down; fi

.PHONY: check
check: setup ## Check format, style, types, imports and the contracts between services
	@echo "Format"    && .venv/bin/ruff format --check .
	@echo "Style"     && .venv/bin/ruff check .
	@echo "Types"     && .venv/bin/mypy .
	@echo "Imports"   && .venv/bin/lint-imports
	@echo "Contracts" && $(PYTHON) -m services contracts --check

.PHONY: contracts
contracts: setup ## Write the schemas of the published messages anew
	@$(PYTHON) -m services contracts

.PHONY: setup
setup: ## Get everything that is missing: Python packages and servers (the other targets do this first)
	@sh scripts/setup.sh

.PHONY: lock
lock: ## Resolve the dependencies in pyproject.toml anew (needs uv)
	@sh scripts/lock.sh

.PHONY: clean
clean: ## Stop the hospital and delete its data, its logs and the virtual environment
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local down && $(PYTHON) -m local erase; fi
	rm -rf .venv
