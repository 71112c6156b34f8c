# Everything a person does with this project; "make help" lists it.
# Set-up runs first where it is needed, see scripts/setup.sh.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Set-up steps share apt and third_party/; Go and pytest use the cores as it is.
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X mhp/internal/cli.Version=$(VERSION)
PYTHON := .venv/bin/python
FUZZTIME ?= 1m
COUNT ?= 1
BENCH_MODELS ?= xs
SAMPLE ?= testdata/sample/one.jpg
export VERSION SAMPLE

.PHONY: help
help: ## list these targets
	@sed -nE 's/^([a-z][a-z-]*):.*## (.*)/\1\t\2/p' Makefile | expand -t 16

.PHONY: demo
demo: build ## set up, build, and find the person in a picture that the project ships
	mkdir -p demo
	bin/mhp predict $(SAMPLE) --json demo/pose.json --overlay demo --plot demo --html demo
	@printf '\nLook at what was made of %s:\n' $(SAMPLE)
	@find demo -type f | sort | sed 's/^/  /'

.PHONY: test
test: setup-test build lite ## set up, build both ways, and run every check (STEPS="vet docs" for some)
	@scripts/test.sh $(STEPS)

.PHONY: build
build: setup-full ## bin/mhp: the whole program, with OpenCV for video
	go build -ldflags '$(LDFLAGS)' -o bin/mhp ./cmd/mhp

.PHONY: lite
lite: setup-lite ## bin/mhp-lite: without OpenCV, everything but video
	go build -tags lite -ldflags '$(LDFLAGS)' -o bin/mhp-lite ./cmd/mhp

.PHONY: onnxruntime
onnxruntime: ## fetch ONNX Runtime's library into third_party/
	@scripts/setup.sh onnxruntime

.PHONY: bench
bench: lite ## all Go benchmarks (BENCH=regexp for some, COUNT=10 for benchstat), then mhp bench on the built-in networks
	go test -tags lite -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -count $(COUNT) ./...
	bin/mhp-lite bench --model $(BENCH_MODELS) --threads 1,2 --batch 1,4 --graph plain,rewritten --profile

.PHONY: fuzz
fuzz: setup-lite ## every fuzz target for FUZZTIME (1m)
	@FUZZTIME=$(FUZZTIME) scripts/test.sh fuzz

.PHONY: page
page: setup-node ## bundle the live page's script anew, for the program to embed
	@scripts/bundle_page.sh

.PHONY: goldens
goldens: setup-python ## compute the numbers anew that Go's tests compare with
	$(PYTHON) scripts/make_goldens.py

.PHONY: lint
lint: setup-full ## gofmt, go vet, staticcheck, documents
	@scripts/test.sh format vet staticcheck docs

.PHONY: dist
dist: setup-dist ## archives for linux/amd64 and linux/arm64 under dist/
	@scripts/dist.sh amd64 arm64

.PHONY: dist-test
dist-test: dist ## try both archives in bare systems without network
	@scripts/dist_test.sh amd64 arm64

.PHONY: clean
clean: ## remove what builds made; what set-up fetched stays
	rm -rf bin dist demo

.PHONY: distclean
distclean: clean ## remove also what set-up fetched
	rm -rf .tools .venv third_party

.PHONY: setup-full setup-lite setup-test setup-python setup-node setup-dist
setup-full:
	@scripts/setup.sh tools opencv onnxruntime
setup-lite:
	@scripts/setup.sh tools onnxruntime
setup-test:
	@scripts/setup.sh tools opencv onnxruntime node viewers python android
setup-python:
	@scripts/setup.sh python
setup-node:
	@scripts/setup.sh node
setup-dist:
	@scripts/setup.sh tools onnxruntime dist
