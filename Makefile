# SPDX-License-Identifier: Apache-2.0
# What people type. How things are built stands in CMakeLists.txt and CMakePresets.json.
.DEFAULT_GOAL := build
.PHONY: help build run test test-all test-kernels bench bench-vm tidy format clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 22

# To stderr, so that a pipe behind "make run" gets events and nothing else.
build: ## build/netaudit, after installing what is missing for it (as root)
	@scripts/install-deps >&2
	@mkdir -p build
	@cmake --preset dev >build/configure.log 2>&1 || { cat build/configure.log >&2; exit 1; }
	@cmake --build --preset dev >&2

run: build ## show this host's connections until Ctrl-C; options in ARGS="…"
	@exec build/netaudit run $(ARGS)

test: ## all tests, also under sanitizers; the last line counts them
	@scripts/install-deps --test >&2
	@scripts/run-tests

test-all: ## all that "make test" does, the whole fault matrix, and the servers that start slowly
	@scripts/install-deps --test >&2
	@status=0; scripts/run-tests || status=1; ctest --preset all || status=1; \
		scripts/test-summary build/results-all.xml || status=1; exit $$status

test-kernels: ## the stimuli on further kernels, also of arm64, in QEMU
	@scripts/install-deps --test --arm64 >&2
	@scripts/run-tests vm-more

bench: build ## the programs of tests/bench, as one table
	@scripts/bench-table build

bench-vm: build ## what a connection costs in instructions, on each tier of a kernel in QEMU: KERNEL=6.12
	@tests/bench/vm/measure $(or $(KERNEL),6.12) build

tidy: build ## clang-tidy over the agent
	@tests/check/tidy.sh . build

format: ## clang-format over the C files
	@tests/check/format.sh . --fix

clean: ## remove what was built
	@rm -rf build build-asan build-tsan build-fuzz build-coverage build-release build-arm64
