# auditship: make demo shows it, make test proves it. See README.md.

SHELL      := /bin/bash
.DEFAULT_GOAL := help

VERSION    ?= $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo unknown)
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

# Never part of CI: figures of a busy machine mean nothing.
.PHONY: bench
bench: build ## Measure speed and memory beside other log shippers; takes half an hour
	@command -v rsyslogd >/dev/null && test -e /usr/lib/*/rsyslog/omelasticsearch.so || \
		{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rsyslog rsyslog-elasticsearch >/dev/null; } || \
		echo 'bench: without rsyslog: apt-get install rsyslog rsyslog-elasticsearch'
	go run ./agent/bench $(BENCH_FLAGS)
	go run ./agent/bench $(BENCH_FLAGS) growth

# Micro-benchmarks of the stages, to be compared by benchstat.
.PHONY: bench-stages
bench-stages:
	go test -run '^$$' -bench . -benchmem -count 6 ./agent/... ./exporter/bulk

# What make test does for a minute, for an hour: the agent is killed, Elasticsearch
# fails in every way, files rotate, the stream rolls over. SEED decides what happens;
# the rest is up to the system's timing.
FOR  ?= 1h
SEED ?= $(shell date +%s)

.PHONY: torture
torture: needs ## Try for an hour to lose a record or index one twice (FOR=10m SEED=7)
	@echo "make torture FOR=$(FOR) SEED=$(SEED)"
	go test -count 1 -timeout 0 -v ./agent/cmd/auditship -run 'TestChaos|TestR1_Interleavings|TestR10' \
		-chaos.for $(FOR) -chaos.seed $(SEED) -interleavings 200 -many.files 100000
	go test -count 1 -timeout 0 ./agent/filesource -run TestRandomRotations -rapid.checks 2000 -rapid.seed $(SEED)

# Elasticsearch 9 needs a newer Java than 8; where there is none its tests are left out.
ES9      := 9.2.0
ES9_JAVA := 21
JAVA     := $(shell for j in java $(JAVA_HOME)/bin/java /usr/lib/jvm/*/bin/java; do \
	$$j -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; done | sort -n | tail -1)
ES9_TEST ?= go test -count 1 -timeout $(TEST_TIMEOUT) ./exporter/... ./mappings ./agent/ecs ./agent/pipeline ./agent/cmd/auditship

.PHONY: test-9
test-9: needs build-demo ## Run what talks to Elasticsearch against 9.2.0 too (needs Java 21)
	@if [ "$(or $(JAVA),0)" -lt $(ES9_JAVA) ]; then \
		echo "LEFT OUT: Elasticsearch $(ES9) needs Java $(ES9_JAVA), the newest here is $(or $(JAVA),none)"; \
	else \
		echo "Elasticsearch $(ES9) on Java $(JAVA) or an older one that will do"; \
		bin/auditship-demo elasticsearch --version $(ES9) -- $(ES9_TEST); \
	fi

.PHONY: smoke-9
smoke-9: ES9_TEST = go test -race -count 1 ./exporter/bulk ./agent/pipeline -run 'RealNode|Privilege|ShippedRole|R7_|R11_|R17_'
smoke-9: test-9 ## Run the part of test-9 that says most, in about a minute

# Not part of CI: needs a running Kibana with the demo's data, npm and Chromium.
.PHONY: screens
screens: ## Take the pictures of kibana/README.md (KIBANA_URL, KIBANA_USERNAME, KIBANA_PASSWORD)
	npm --prefix kibana/screens install --no-save --no-package-lock --no-audit --no-fund --silent
	npm --prefix kibana/screens start --silent -- $(PICTURES)

.PHONY: lint
lint: ## Check format, go vet, staticcheck, golangci-lint and known vulnerabilities
	@test -z "$$(gofmt -l agent exporter mappings kibana configs)" || { gofmt -d agent exporter mappings kibana configs; exit 1; }
	go vet ./...
	go -C configs/delivery vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) golangci-lint run ./...
	@$(MAKE) --no-print-directory vulnerabilities

# Known vulnerabilities in what is called of the dependencies and of Go. Without the
# database it says so and fails nothing: an address that cannot be reached says nothing
# of this code.
.PHONY: vulnerabilities
vulnerabilities:
	@if found=$$($(TOOL) govulncheck ./... 2>&1); then echo "govulncheck: no known vulnerability is called"; \
	elif grep -q 'govulncheck: fetching vulnerabilities: ' <<< "$$found"; then \
		echo "govulncheck: NOT LOOKED FOR: its database https://vuln.go.dev cannot be reached from here"; \
	else echo "$$found"; exit 1; fi

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
	rm -rf bin dist demo-out bench-out

# ---- Release --------------------------------------------------------------------------
# The same commit and the same release of Go give the same bytes, wherever and whenever.

ARCHES := amd64 arm64
STAGE  := bin/stage
TAG    := $(shell git describe --tags --exact-match 2>/dev/null)
# Without a tag: older than every release.
PACKAGE_VERSION := $(or $(TAG:v%=%),0.0.0-git$(shell git log -1 --abbrev=12 --date=format:%Y%m%d --format=%cd.%h))
NAMED  := dist/auditship_$(PACKAGE_VERSION)_linux
# docker and podman take the same arguments.
CONTAINER ?= buildah

RELEASE := umask 022; export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct) \
	GOFLAGS='-trimpath -buildvcs=false' GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT= CGO_ENABLED=0 \
	STAGE=$(STAGE) PACKAGE_VERSION=$(PACKAGE_VERSION); set -euo pipefail

.PHONY: stage
stage: # What the packages and the image are made of
	rm -rf $(STAGE) && mkdir -p $(STAGE) dist
	@$(RELEASE); for arch in $(ARCHES); do \
		echo "building linux/$$arch"; \
		to=$(STAGE)/linux_$$arch; \
		GOOS=linux GOARCH=$$arch $(BUILD) -o $$to/auditship ./agent/cmd/auditship; \
		$(TOOL) cyclonedx-gomod bin -json -std -noserial -notimestamp -version $(PACKAGE_VERSION) -output $$to/auditship.cdx.json $$to/auditship; \
	done; \
	go run ./configs/packages/manual -version $(PACKAGE_VERSION) -date $(DATE:T%=) $(STAGE)/manual; \
	sed 's|$${ES_API_KEY} *#|$${file:elasticsearch.key}   #|; 1s|schema=|schema=/usr/share/auditship/|' configs/auditship.yml >$(STAGE)/auditship.yml; \
	sed '1s|schema=|schema=/usr/share/auditship/|' configs/masking.yml >$(STAGE)/masking.yml; \
	mkdir -p $(STAGE)/certs $(STAGE)/state; \
	go -C configs/delivery run ./certificates >$(STAGE)/certs/ca-certificates.crt

.PHONY: packages
packages: stage ## Build deb and rpm for amd64 and arm64 into dist
	@$(RELEASE); for arch in $(ARCHES); do for format in deb rpm; do \
		ARCH=$$arch $(TOOL) nfpm package --config configs/packages/nfpm.yaml --packager $$format --target dist/; \
	done; done

.PHONY: image
image: stage ## Build the container image auditship:VERSION from scratch
	$(MAKE) --no-print-directory image-of-stage

.PHONY: image-of-stage
image-of-stage:
	cp configs/container/passwd configs/container/group $(STAGE)
	$(CONTAINER) build --format docker --platform linux/$(IMAGE_ARCH) --build-arg TARGETARCH=$(IMAGE_ARCH) \
		--build-arg VERSION=$(PACKAGE_VERSION) --build-arg COMMIT=$(COMMIT) \
		--file configs/container/Dockerfile --tag auditship:$(PACKAGE_VERSION) $(STAGE)

image-of-stage: IMAGE_ARCH ?= $(shell go env GOHOSTARCH)
.PHONY: release
release: ## Build everything that is published into dist, with checksums
	@git diff --quiet HEAD || { echo 'release: there are uncommitted changes'; exit 1; }
	rm -rf dist
	$(MAKE) packages
	@$(RELEASE); for arch in $(ARCHES); do \
		cp $(STAGE)/linux_$$arch/auditship.cdx.json $(NAMED)_$$arch.cdx.json; \
		tar --create --sort=name --mtime=@$$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner --mode=a+rX,u+w,go-w \
			--transform 's|^|auditship_$(PACKAGE_VERSION)/|' \
			--directory $(CURDIR)/$(STAGE)/linux_$$arch auditship \
			--directory $(CURDIR)/$(STAGE) manual \
			--directory $(CURDIR) LICENSE README.md CHANGELOG.md configs/auditship.yml configs/masking.yml \
				configs/auditship.schema.json configs/masking.schema.json \
				configs/README.md configs/systemd configs/kubernetes configs/prometheus/alerts.yml \
			| gzip -n9 >$(NAMED)_$$arch.tar.gz; \
	done; \
	cd dist && sha256sum * >SHA256SUMS && cat SHA256SUMS

.PHONY: test-packages
test-packages: ## Build a release twice; install, run and remove what it made (needs root)
	@{ command -v buildah && command -v systemd-analyze && command -v systemd-nspawn; } >/dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah systemd systemd-container >/dev/null; }
	cd configs/delivery && unshare --mount go test -count=1 -timeout $(TEST_TIMEOUT) ./...
