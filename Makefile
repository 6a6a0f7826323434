# auditship: make demo shows it, make test proves it. See README.md.

SHELL      := /bin/bash
.DEFAULT_GOAL := help

VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT     ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
DATE       ?= $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)
CLI        := github.com/auditship/auditship/agent/cli
LDFLAGS    := -s -w -X $(CLI).version=$(VERSION) -X $(CLI).commit=$(COMMIT) -X $(CLI).date=$(DATE)
BUILD      := go build -ldflags '$(LDFLAGS)'
TOOL       := go tool -modfile=.ci/tools/go.mod
# Time for all packages of one go test; the whole run takes a few minutes.
TEST_TIMEOUT ?= 20m

# Binaries are static and hold no path of this machine; lint looks at the same build,
# so that both share the compiler's cache.
build build-demo lint: export CGO_ENABLED := 0
build build-demo lint: export GOFLAGS := $(GOFLAGS) -trimpath

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-12s %s\n", $$1, $$2 }'

.PHONY: build
build: ## Build bin/auditship, one static binary
	$(BUILD) -o bin/auditship ./agent/cmd/auditship

.PHONY: build-demo
build-demo: build
	$(BUILD) -o bin/auditship-demo ./agent/cmd/auditship-demo

.PHONY: demo
demo: needs build-demo ## Show everything at once: real Elasticsearch, simulated gateway, both stories
	bin/auditship-demo --auditship bin/auditship $(DEMO_FLAGS)

.PHONY: test
test: needs build-demo ## Run all tests with the race detector against a real Elasticsearch
	bin/auditship-demo elasticsearch -- go test -race -timeout $(TEST_TIMEOUT) ./...

.PHONY: lint
lint: ## Check format, go vet, staticcheck and golangci-lint
	@test -z "$$(gofmt -l agent exporter mappings kibana configs)" || { gofmt -d agent exporter mappings kibana configs; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) golangci-lint run ./...

# What the tests and the demo need beside Go: a JDK and Maven for Elasticsearch, gcc
# for the race detector. Installed by apt where that is possible without a question.
.PHONY: needs
needs:
	@missing=(); \
	command -v gcc   >/dev/null || missing+=(gcc libc6-dev); \
	command -v javac >/dev/null || missing+=(openjdk-17-jdk-headless); \
	command -v mvn   >/dev/null || missing+=(maven); \
	if [ $${#missing[@]} -eq 0 ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $${missing[*]}"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	else \
		echo "missing: $${missing[*]}"; \
		echo "install them, for example: sudo apt-get install -y $${missing[*]}"; \
		exit 2; \
	fi

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist demo-out
