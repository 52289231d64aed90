# Everything that a developer or CI types. SAM's build of the functions is in build/function.mk.

ENV ?= default
# All template parameters at once, instead of those in samconfig.toml: make deploy ENV=staging PARAMETERS="Stage=staging …"
PARAMETERS ?=
# Another stack or region than samconfig.toml says.
STACK ?=
REGION ?=
# CONFIRM=no deploys without the question that samconfig.toml has for prod: somebody was asked already.
CONFIRM ?=

# Built, not `go run`: that would turn every exit code into 1. Go's own cache makes it cheap.
HAIL = mkdir -p bin && go build -o bin/hail ./cmd/hail && bin/hail
SAM_BIN = $$($(HAIL) tools sam)
OVERRIDES = $(if $(PARAMETERS),--parameter-overrides "$(PARAMETERS)")
SAM_DEPLOY = $$bin/sam deploy --config-env $(ENV) $(if $(STACK),--stack-name "$(STACK)") $(if $(REGION),--region "$(REGION)") \
	$(if $(filter no,$(CONFIRM)),--no-confirm-changeset)
# Parameters of every stack once it is there.
AFTERWARDS = DeletionProtection=true Rollout=gradual
# Linters are compiled once per version of theirs and of Go; the name says which. So is what checks and lists a delivery.
LINT_BIN := .tools/lint-$(shell { go env GOVERSION; cat tools/go.mod tools/go.sum; } | cksum | cut -d' ' -f1)
DELIVERY_BIN := .tools/delivery-$(shell { go env GOVERSION; cat tools/delivery/go.mod tools/delivery/go.sum; } | cksum | cut -d' ' -f1)
RELEASE = $(shell awk -F '"' '/Release = / { print $$2 }' openapi.go)
export SAM_CLI_TELEMETRY = 0

# The race detector needs a C compiler, except on macOS.
RACE = $(shell [ "$$(go env GOOS)" = darwin ] || command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

##@ The stack on this machine

.PHONY: run up down sam-local
run: ## Start everything on this machine and show how to book; Ctrl-C stops it
	@$(HAIL) dev

up: ## Like run, in the background
	@$(HAIL) dev up

down: ## Stop what up started
	@$(HAIL) dev down

sam-local: ## The HTTP API alone, by sam local start-api in Docker on DynamoDB Local; Ctrl-C stops it
	@$(HAIL) dev sam-local

##@ Proof

.PHONY: test sim sim-mutants smoke two-stacks outage rebuild-proof rebuild-stack api-fuzz sam-local-test bench check
test: ## All tests but those of the deployed stack
	@[ -n "$(RACE)" ] || echo "No C compiler: tests run without the race detector."
	go test $(RACE) -shuffle=on -timeout=15m ./...
	@# The race detector lets the simulator run only a few worlds: once more without, until every probe was reached.
	$(if $(RACE),go test ./internal/system/sim)

sim: ## Thousands of simulated worlds under faults: SEEDS= FROM= MINUTES=, or SEED= for one and its story
	GOGC=2000 go test ./internal/system/sim -run 'TestSeeds$$' -count=1 -timeout=0 -v $(if $(SEEDS),-seeds=$(SEEDS)) $(if $(FROM),-from=$(FROM)) \
		$(if $(SEED),-seed=$(SEED)) $(if $(MINUTES),-minutes=$(MINUTES)) $(if $(KEEP),-keep)

# An hour and more on one free core: most of it for the mutants that are not found. SEEDS=60 takes a quarter of that.
sim-mutants: ## Count how many random mutants of the product the simulator finds alone: N= SEED= SEEDS=
	nice -n 10 go run ./cmd/mutants -n $(or $(N),50) -seed $(or $(SEED),1) -seeds $(or $(SEEDS),500)

smoke: ## Deploy to this machine, ride, check the answers and the ledger, stop
	@$(HAIL) dev smoke

# About a minute. The second stack gets an EventBridge bus, so this is also where its events are seen to arrive.
two-stacks: ## Deploy two stacks to one account on this machine, one with an event bus, see that they keep apart, stop
	@$(HAIL) dev two-stacks

# About 12 minutes. CI books less and waits for less, in 7, and does not judge the latencies of so few.
outage: ## Deploy to this machine, book while the payment provider is down and hanging, compare, stop
	@$(HAIL) dev outage $(if $(BOOKINGS),--bookings $(BOOKINGS)) $(if $(DOWN),--down $(DOWN)) $(if $(HANGING),--hanging $(HANGING))

# About 12 minutes. CI does it with 300 bookings, among the tests.
rebuild-proof: ## Make the views of 20,000 bookings anew under load, and measure that: BOOKINGS=
	go test ./internal/system/scale -v -count=1 -timeout=60m -judge -bookings=$(or $(BOOKINGS),20000)

# About 10 minutes, most of it the waits of a rebuild.
rebuild-stack: ## Deploy to this machine, make all views anew while riders book and look, audit them, stop
	@$(HAIL) dev rebuild $(if $(BOOKINGS),--bookings $(BOOKINGS))

# 3 to 4 minutes on two cores, most of it in the emulator. Another SEED makes other requests.
api-fuzz: ## Deploy to this machine, attack the API by its contract as every role, stop
	@$(HAIL) dev fuzz $(if $(SEED),--seed $(SEED))

sam-local-test: ## Start what sam-local starts, check it, invoke every function on its sample in events/, stop
	@$(HAIL) dev sam-local-test

# One run on a quiet machine; docs/BENCHMARKS.md keeps what it prints.
bench: ## Measure what the budgets promise, beside other libraries, and hold us to it
	cd bench && go test -run Budget -v -count=1 -timeout=30m ./...

CHECKS = check-format check-tidy check-vet check-lint check-vulnerabilities check-template check-imports check-allocations check-workflows check-licenses
check: ## Format, vet, linters, vulnerabilities, template, imports, workflows, licences: all of them, even after a failure
	@$(MAKE) --keep-going --no-print-directory $(CHECKS)

.PHONY: $(CHECKS)
check-format: $(LINT_BIN)
	$(LINT_BIN)/golangci-lint fmt --diff ./...

check-tidy:
	go mod tidy -diff
	cd tools && go mod tidy -diff
	cd tools/stripemock && go mod tidy -diff
	cd tools/delivery && go mod tidy -diff
	cd bench && go mod tidy -diff

check-vet:
	go vet ./...
	cd bench && go vet ./...

check-lint: $(LINT_BIN)
	$(LINT_BIN)/golangci-lint run ./...
	cd bench && ../$(LINT_BIN)/golangci-lint run ./...

# Its database comes over the network. Out of reach is no finding, but it is said.
check-vulnerabilities: $(LINT_BIN)
	@echo "govulncheck ./..."; \
	out=$$($(LINT_BIN)/govulncheck ./... 2>&1); code=$$?; \
	case "$$out" in \
	"govulncheck: fetching vulnerabilities:"*) echo "govulncheck was not run: its database cannot be reached." ;; \
	*) echo "$$out"; exit $$code ;; \
	esac

# As it is written, and as CloudFormation sees it: translated and resolved for each stage and option.
check-template:
	@bin=$(SAM_BIN) && checkov=$$($(HAIL) tools checkov)/checkov && set -x && $$bin/sam validate --lint && $$bin/cfn-lint && \
		$$bin/python -B tools/template/check.py template.yaml && $$checkov --config-file .checkov.yaml

check-imports:
	go test ./internal/archtest

# What the budgets say that does not depend on the machine; make bench has the times.
check-allocations:
	cd bench && go test -run Allocations -count=1 ./...

check-workflows: $(DELIVERY_BIN)
	$(DELIVERY_BIN)/actionlint

# The licences of all that is needed to build the product and its tools' own programs, tests aside.
check-licenses: $(DELIVERY_BIN)
	cd tools/delivery && go test ./...
	@mkdir -p bin && (cd tools/delivery && go build -o ../../bin/licenses ./licenses)
	$(DELIVERY_BIN)/cyclonedx-gomod mod -licenses -assert-licenses -json -output bin/modules.cdx.json
	bin/licenses <bin/modules.cdx.json

##@ Building and deploying

.PHONY: build validate doctor deploy sbom reproducible
build: ## Build the functions as ENV's samconfig says
	@bin=$(SAM_BIN) && $$bin/sam build --config-env $(ENV) $(OVERRIDES)

validate: check-template ## Check template.yaml

# Seconds, and it only reads.
doctor: ## Check the AWS account before the first deployment, and the stack after it: ENV= PARAMETERS= DEPLOYED=yes
	@$(HAIL) doctor --env $(ENV) $(if $(PARAMETERS),--parameters "$(PARAMETERS)") $(if $(STACK),--stack "$(STACK)") \
		$(if $(REGION),--region "$(REGION)") $(if $(DEPLOYED),--deployed)

# The second deployment protects the tables, which would have kept a failed first one from being rolled back, and ends
# Rollout=now. It leaves all other parameters as they are, and has no changes as a rule.
deploy: build ## Deploy to AWS: make deploy ENV=staging (default: the developers' stack)
	@bin=$(SAM_BIN) && $(SAM_DEPLOY) $(OVERRIDES) && $(SAM_DEPLOY) --parameter-overrides "$(AFTERWARDS)"

# Read from the functions as they are deployed; what would differ each time is left out. The modules are there: they were compiled.
sbom: $(DELIVERY_BIN) ## List what each function is made of, in CycloneDX, in dist/sbom
	@rm -rf dist/sbom && mkdir -p dist/sbom
	@set -e; for function in $(notdir $(wildcard functions/*)); do \
		echo "dist/sbom/$$function.cdx.json"; \
		mkdir -p bin/arm64/$$function; \
		$(MAKE) --no-print-directory --silent --makefile=build/arm64/Makefile "build-$${function}Function" ARTIFACTS_DIR="$(CURDIR)/bin/arm64/$$function"; \
		GOOS=linux GOARCH=arm64 GOPROXY=off $(DELIVERY_BIN)/cyclonedx-gomod bin -json -licenses -assert-licenses -std -noserial -notimestamp \
			-version "v$(RELEASE)" -output dist/sbom/$$function.cdx.json bin/arm64/$$function/bootstrap 2>bin/sbom.log || { cat bin/sbom.log; exit 1; }; \
	done

reproducible: ## Build every function twice, from nothing in two places: the same bytes
	build/reproducible

##@ Habits

.PHONY: fmt lint tools clean
fmt: $(LINT_BIN) ## Format the Go code
	$(LINT_BIN)/golangci-lint fmt ./...

lint: check-lint ## Run the linters alone

tools: $(LINT_BIN) $(DELIVERY_BIN) ## Install every pinned tool under .tools/
	@for tool in sam emulators schemathesis checkov stripe-mock; do $(HAIL) tools $$tool >/dev/null || exit 1; done

clean: ## Delete what was built (not .tools/, nor the state of the local stack)
	rm -rf .aws-sam bin dist

$(LINT_BIN):
	@echo "Compiling the linters, once: a minute or two." >&2
	@rm -rf $@.part && mkdir -p $@.part
	@cd tools && GOFLAGS= GOBIN="$(CURDIR)/$@.part" go install tool
	@mv $@.part $@

$(DELIVERY_BIN):
	@echo "Compiling what checks a delivery, once." >&2
	@rm -rf $@.part && mkdir -p $@.part
	@cd tools/delivery && GOFLAGS= GOBIN="$(CURDIR)/$@.part" go install tool
	@mv $@.part $@
