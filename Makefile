SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

modules  := $(sort $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path '*/.*/*' -not -path '*/testdata/*')))
packages := $(filter-out ./tools,$(modules))# the modules with code of this project
scripts  := scripts/rabbitmq scripts/postgres scripts/redis scripts/s3 scripts/prometheus scripts/chromium scripts/languages $(wildcard scripts/*.sh) devbroker/clients/install .ci/run
lint     := $(CURDIR)/.bin/golangci-lint
rabbitmq := $(CURDIR)/scripts/rabbitmq
postgres := $(CURDIR)/scripts/postgres
redis    := $(CURDIR)/scripts/redis
s3       := $(CURDIR)/scripts/s3
chromium := $(CURDIR)/scripts/chromium
languages := $(CURDIR)/scripts/languages

TESTFLAGS ?=
MATRIX    ?=
CHAOS     ?=
FUZZTIME  ?= 20s
# make vet has looked, and debug information takes a sixth of the compiler's and a third of the linker's time. The
# race detector would check SQLite, which is generated from C, and takes most of the time of its tests.
lean      := -vet=off -gcflags=-dwarf=false -gcflags='modernc.org/sqlite/lib=-race=false -d=checkptr=0' -ldflags=-w
GORACE    ?= atexit_sleep_ms=0# each program with the race detector would wait for a second when it ends

export GORACE

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: check
check: format vet lint tidy shell ## run all checks except tests: format, vet, lint, go.mod drift, shell scripts

.PHONY: format
format: # fails if gofmt would change a file
	@echo "== gofmt"
	@files="$$(find . -name '*.go' -not -path '*/.*/*' -exec gofmt -l {} +)"; \
		[ -z "$$files" ] || { echo "not formatted, run make fmt:"; echo "$$files"; exit 1; }

.PHONY: fmt
fmt: $(lint) ## format the code (gofumpt, with imports grouped: standard library, third party, this module)
	@for m in $(packages); do (cd $$m && $(lint) fmt --config $(CURDIR)/.golangci.yml); done

.PHONY: vet
vet:
	@for m in $(packages); do echo "== go vet $$m"; (cd $$m && go vet -tags clients ./...); done

.PHONY: lint
lint: $(lint) ## golangci-lint, built from tools/ at the version pinned there
	@for m in $(packages); do echo "== golangci-lint $$m"; (cd $$m && $(lint) run --config $(CURDIR)/.golangci.yml ./...); done

# The binary is the cache: it is built once (about 90 s on two cores), and again when tools/ changes.
$(lint): tools/go.mod tools/go.sum
	@echo "== building golangci-lint"
	@cd tools && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: tidy
tidy: # fails if go mod tidy would change a go.mod or go.sum
	@for m in $(modules); do echo "== go mod tidy -diff $$m"; (cd $$m && go mod tidy -diff); done

.PHONY: shell
shell:
	@echo "== shellcheck"
	@if command -v shellcheck >/dev/null; then shellcheck -x $(scripts); \
		else echo "NOT CHECKED: shellcheck is not installed, so the shell scripts were not checked"; fi

.PHONY: test
test: ## run all tests with the race detector; installs and starts RabbitMQ, PostgreSQL, Redis, Swift, Chromium, Python and Node if necessary
	@$(languages)
	@$(redis) install
	@$(s3) install
	@WARREN_CHROMIUM="$$($(chromium))"; export WARREN_CHROMIUM; \
		for m in $(filter-out .,$(packages)) .; do echo "== go test $$m"; \
		first="$$([ $$m != . ] || echo ./worker ./runner)"; : "the longest packages begin first; they wait most of the time, so one more runs at a time"; \
		(cd $$m && $(rabbitmq) run $(postgres) run go test -race $(lean) -shuffle=on -p $$(($$(getconf _NPROCESSORS_ONLN) + 1)) -parallel 4 -timeout 30m $(TESTFLAGS) $$first ./...); done

.PHONY: test-clients
test-clients: ## test clients of other projects against devbroker: amqp091-go's own tests, pika, kombu, Celery, amqplib
	@echo "== go test ./devbroker/clients"
	@go test -v -race -count=1 -tags clients -timeout 5m $(TESTFLAGS) ./devbroker/clients | grep -v '^=== '

.PHONY: test-matrix
test-matrix: ## run the tests that need a broker on RabbitMQ 3.10, 4.0 and 4.3 and on devbroker, in one table (MATRIX: flags)
	@$(languages)
	@go run ./internal/matrix $(MATRIX)

.PHONY: site
site: ## build the pages of docs/ as HTML in .site (needs npm); a link that leads nowhere fails
	@cd docs/.vitepress && npm ci --silent && npm run --silent build

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (20s)
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | while IFS=: read -r file func; do \
		target="$${func#func }"; dir="$$(dirname "$$file")"; echo "== $$target $$dir"; \
		(cd "$$dir" && go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) . </dev/null); done

.PHONY: bench
bench: ## run the benchmarks of the module bench/
	@[ -f bench/go.mod ] || { echo "module bench/ not found" >&2; exit 1; }
	@cd bench && $(rabbitmq) run go test -run '^$$' -bench . ./...

.PHONY: chaos
chaos: ## break brokers and workers, and count lost and duplicated messages; takes hours (CHAOS: flags, such as -short)
	@cd chaos && go run . $(CHAOS)

.PHONY: example
example: ## build and test examples/
	@[ -d examples ] || { echo "folder examples/ not found" >&2; exit 1; }
	@$(languages)
	@WARREN_CHROMIUM="$$($(chromium))"; export WARREN_CHROMIUM; \
		for m in . $(filter ./examples/%,$(packages)); do (cd $$m && \
		$(rabbitmq) run go test -race -timeout 5m $$([ $$m = . ] && echo ./examples/... || echo ./...)); done
