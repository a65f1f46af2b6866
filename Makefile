# Two commands are enough: make demo, make test.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.release=$(VERSION)

.PHONY: build demo engines test test-long test-levels test-soak check bench fuzz generate clean

build: ## build bin/tfops
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/tfops ./cmd/tfops

demo: build ## the whole loop on a throw-away repository
	./bin/tfops demo

engines: ## the engines that tests run besides the terraform on PATH, built once into the test cache
	@$(GO) run ./internal/testrig/buildengines

test: engines ## what a person waits for, in a few minutes: every test, the longest ones in part; says what it did not run and why
	$(GO) run ./internal/testrig/testall -short

test-long: engines ## every test whole, with the race detector but for the end-to-end scripts: a quarter of an hour
	$(GO) run ./internal/testrig/testall

LEVELS ?= users filters
test-levels: ## the tests of runners and the end-to-end scripts at lower levels of the sandbox than this machine gives (users as root): half an hour
	@for level in $(LEVELS); do for package in ./internal/runner ./test/e2e; do echo "== $$package at $$level"; \
	  TFOPS_SANDBOX=$$level TFOPS_TEST_CACHE=$${TFOPS_TEST_CACHE:-/var/tmp/tfops-tests} \
	  $(GO) test $(LEVELS_FLAGS) $$package -timeout 60m || exit 1; \
	done; done

WORLDS ?= 200
test-soak: engines ## what takes an hour: P1 as a property, power cuts (as root), torn files, flipped bits, by hand against by tfops, the end-to-end scripts with the race detector
	TFOPS_LONG=1 $(GO) test ./internal/store -run TestRottenBitsAreNeverSilent -v -timeout 60m
	$(GO) test ./internal/runner -run TestWhatWasShownIsApplied -worlds $(WORLDS) -timeout 60m
	$(GO) test ./test/e2e -run TestWhatWasShownIsAppliedByTheDaemon -v -interleavings $(WORLDS) -timeout 60m
	TFOPS_LONG=1 $(GO) test ./test/e2e -run 'TestPowerCut|TestTornFiles|TestByHandEqualsByTfops' -v -powercuts 20 -timeout 60m
	$(GO) test -race ./test/e2e -timeout 90m

check: ## formatting, vet, staticcheck, generated files
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt'ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	cd test/provider && $(GO) vet ./...
	$(GO) mod tidy -diff
	$(GO) mod verify >/dev/null
	@before=$$(git status --porcelain); $(MAKE) --no-print-directory generate; after=$$(git status --porcelain); \
	test "$$before" = "$$after" || { echo "generated files were not up to date:"; git status --short; exit 1; }

bench: build ## the measurements of docs/BENCHMARKS.md
	$(GO) run ./test/bench
	$(GO) test ./internal/runner -run XXX -bench BenchmarkCell -benchtime 60x
	$(GO) test ./internal/engine/decide -run XXX -bench .
	$(GO) test ./internal/engine -run XXX -bench BenchmarkFleet -benchtime 1x -timeout 30m
	$(GO) test ./internal/gitrepo -run XXX -bench BenchmarkGraph -benchtime 8x
	$(GO) test ./internal/gitrepo -run XXX -bench BenchmarkLargeFleet -benchtime 4x
	$(GO) test ./internal/gitrepo -run XXX -bench BenchmarkMemory/1GB -benchtime 1x
	$(GO) test ./internal/drift ./internal/drift/report -run XXX -bench . -benchtime 10x

FUZZTIME ?= 30s
fuzz: ## each fuzz target for FUZZTIME
	@for file in $$(grep -rl '^func Fuzz' --include='*_test.go' internal cmd); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
	    echo "== $$target in $$(dirname $$file)"; \
	    $(GO) test ./$$(dirname $$file) -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZTIME) || exit 1; \
	  done; done

generate: ## command line reference
	$(GO) generate ./...

clean:
	rm -rf bin dist
