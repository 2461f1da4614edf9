# Works with GNU make 3.81, which is what macOS has.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
# The relay is a distribution of its own, below relay/.
export PYTHONPATH := $(CURDIR)/relay

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Play a day in the hospital, faults included, and stop everything again
	@$(PYTHON) -m demo

.PHONY: test
test: setup ## Run all tests (ARGS="-k admission" runs some)
	@PYTHON=$(PYTHON) sh scripts/test.sh $(ARGS)

MINUTES ?= 10

.PHONY: chaos
chaos: setup ## Inject faults for 10 minutes and check everything (MINUTES=60 SEED=7 FAULTS=broker,network BROKER=amqp)
	@$(PYTHON) -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults "$(FAULTS)") \
		$(if $(BROKER),--broker $(BROKER))

SECONDS ?= 60

.PHONY: drill
drill: setup ## Set databases back to backups of different moments, restore them, and check that nothing is lost (SEED=7)
	@$(PYTHON) -m tests.drill --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

.PHONY: bench
bench: setup ## Measure how fast it is, beside baselines and ceilings (ARGS="drain latency" runs some)
	@$(PYTHON) -m benchmarks $(ARGS)

DAYS ?= 33

.PHONY: month
month: setup ## Play a month in some minutes and say what grows without end (DAYS=60 SAGAS=100)
	@$(PYTHON) -m benchmarks.month --days $(DAYS) $(if $(SAGAS),--sagas $(SAGAS))

.PHONY: up
up: setup ## Start the hospital and leave it running; prints its URLs (TRACE=1 starts a Zipkin, too; IDENTITY=off lets everybody in)
	@$(PYTHON) -m local up

.PHONY: status
status: setup ## Show the processes of the running hospital
	@$(PYTHON) -m local status

.PHONY: down
down: ## Stop the hospital; its data stays
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local down; fi

.PHONY: check
check: setup ## Check format, style, types, imports and all that is generated; says all that fails
	@sh scripts/check.sh

.PHONY: format
format: setup ## Format the code, and mend what of the style mends itself
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

.PHONY: contracts
contracts: setup ## Write the schemas of the published messages anew
	@$(PYTHON) -m contracts

.PHONY: services
services: setup ## Write what has to know every service anew, out of services/services.toml and the contracts
	@$(PYTHON) -m scripts.known_services

.PHONY: metrics
metrics: setup ## Write the page of all metrics anew
	@$(PYTHON) -m scripts.metrics_page

.PHONY: dashboards
dashboards: setup ## Write Grafana's dashboards anew
	@$(PYTHON) -m dashboards

.PHONY: setup
setup: ## Get everything that is missing: Python packages and servers (the other targets do this first)
	@sh scripts/setup.sh

.PHONY: lock
lock: ## Resolve the dependencies in pyproject.toml anew (needs uv)
	@sh scripts/lock.sh

.PHONY: vulnerabilities
vulnerabilities: setup ## Ask a public database which of the locked packages have known vulnerabilities
	@$(PYTHON) -m scripts.known_vulnerabilities

.PHONY: openapi
openapi: setup ## Lint the OpenAPI documents by Spectral's rules and ours (npx fetches it)
	@sh scripts/lint_openapi.sh

.PHONY: sbom
sbom: setup ## List what an image holds of others, with versions and hashes: .run/sbom.json, as CycloneDX
	@mkdir -p .run
	@PYTHONWARNINGS=ignore .venv/bin/cyclonedx-py requirements requirements-trace.lock --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file .run/sbom.json
	@echo "Written to .run/sbom.json"

.PHONY: kind-up
kind-up: ## Make a Kubernetes cluster in Docker (kind), with the hospital's ports on localhost
	@sh k8s/need.sh docker kind kubectl
	@kind get clusters | grep -qx infirmary || kind create cluster --config k8s/kind.yaml

.PHONY: deploy
deploy: ## Build all images and deploy the hospital to the current cluster (TLS=1 has TLS everywhere)
	@sh k8s/need.sh docker helm kubectl skaffold cluster
	@# Always the same label: skaffold would give each run one of its own, and so restart everything, the servers included.
	@skaffold run --label skaffold.dev/run-id=deployed

.PHONY: k8s-test
k8s-test: setup ## Test the hospital on the current cluster: the day, isolation, rolling upgrades, scaling
	@sh k8s/need.sh docker helm kubectl skaffold cluster
	@INFIRMARY_CLUSTER=yes $(PYTHON) -m pytest tests/cluster --timeout 900 --ignore tests/cluster/test_chaos.py \
		--ignore tests/cluster/test_restore.py $(ARGS)

.PHONY: k8s-chaos
k8s-chaos: setup ## Kill pods on the current cluster for 3 minutes, then audit (CHAOS_MINUTES=30 CHAOS_SEED=7)
	@sh k8s/need.sh docker helm kubectl skaffold cluster
	@INFIRMARY_CLUSTER=yes $(PYTHON) -m pytest tests/cluster/test_chaos.py -s $(ARGS)

.PHONY: k8s-drill
k8s-drill: setup ## Set databases back on the current cluster, restore them, and check that nothing is lost (DRILL_SECONDS=60 DRILL_SEED=7)
	@sh k8s/need.sh docker helm kubectl skaffold cluster
	@INFIRMARY_CLUSTER=yes $(PYTHON) -m pytest tests/cluster/test_restore.py -s $(ARGS)

.PHONY: production-test
production-test: setup ## Run production's servers by their operators on the current cluster, which builds them first
	@sh k8s/need.sh docker go helm kubectl cluster
	@INFIRMARY_PRODUCTION=yes $(PYTHON) -m pytest tests/production --timeout 1500 $(ARGS)

.PHONY: kind-down
kind-down: ## Delete that cluster and all its data
	@sh k8s/need.sh docker kind
	@kind delete cluster --name infirmary

.PHONY: clean
clean: ## Stop the hospital and delete its data, its logs and the virtual environment
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m local down && $(PYTHON) -m local erase; fi
	rm -rf .venv
