# The two commands: `make run` and `make test`. `make help` lists the rest.

# Bare `make` builds the image of the app it was given, and says what there is when it was given none.
ifeq ($(origin ENCLAVE_APP),undefined)
.DEFAULT_GOAL := help
else
.DEFAULT_GOAL := image
endif
ENCLAVE_APP ?= mltraining
PLUGIN ?=
CONFIG ?=
LISTEN ?= 127.0.0.1:3000
SECRETS ?=
ARGS ?=
# Not a pyenv or a virtual environment: the Debian packages that the tests use are installed for this one.
PYTHON ?= /usr/bin/python3
SOAK_SECONDS ?= 1800
KILL_SECONDS ?= 300

OUT := $(CURDIR)/out
JOBS := $(shell nproc 2>/dev/null || echo 2)
CONFIGURE = cmake -S . -G Ninja --log-level=WARNING -DENCLAVE_APP=$(ENCLAVE_APP)
# Instrumented code makes the compiler warn of what is not there; warnings count in the plain build.
SANITIZED = -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-O1 -g' -DNACRE_WERROR=OFF
# Other tools than ours, and headers that are only compiled: a sanitizer finds nothing in them.
NOT_SANITIZED = config_deployment|npm|eif_aws|gen_new|header|verify_page
# One thread, and long: for AddressSanitizer alone.
ONE_THREAD = nacre_eif|verify_mutants|fuzz_document|verify_documents|verify_page

export PYTHONDONTWRITEBYTECODE = 1

# libfuzzer or afl; MINUTES are for all targets together.
ENGINE ?= libfuzzer
MINUTES ?= 10
FUZZ_CC = $(if $(filter afl,$(ENGINE)),afl-clang-fast,clang)

.PHONY: help compare-ml setup build build-tests build-asan build-tsan run demo demo-parent demo-restart image image-lock image-kernel-record vm test \
	test-vm test-image test-container abi lint bench bench-host soak asan tsan fuzz clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-19s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Variables: ENCLAVE_APP=$(ENCLAVE_APP) LISTEN=$(LISTEN) SECRETS=FILE ARGS='more options of nacre dev'"

setup:
	@tools/setup.sh build

build: setup ## build all programs into out/bin and the plugins into out/plugins
	@$(CONFIGURE) -B out/build -DNACRE_OUT=$(OUT) -DNACRE_TESTS=OFF >/dev/null
	@cmake --build out/build -j $(JOBS) -- --quiet

# The programs and the tests, in the same build directory.
build-tests:
	@tools/setup.sh build test
	@$(CONFIGURE) -B out/build -DNACRE_OUT=$(OUT) -DNACRE_TESTS=ON >/dev/null
	@cmake --build out/build -j $(JOBS) -- --quiet

run: build ## install what is missing, build, start ENCLAVE_APP on LISTEN in the foreground
	@tools/run.sh "$(OUT)" "$(ENCLAVE_APP)" "$(LISTEN)" "$(SECRETS)" $(ARGS)

demo: build ## start ENCLAVE_APP (mltraining, media, weather, sentinel), call it, check signature and document, exit
	@tools/setup.sh test
	@$(PYTHON) tests/independent/demo.py --out "$(OUT)" --app "$(ENCLAVE_APP)"

demo-restart: build ## an enclave killed and brought back with nobody present: secrets through KMS, clients that verify
	@NACRE_OUT="$(abspath $(OUT))" $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/e2e/test_restart.py -k drill

demo-parent: build ## two enclaves behind `nacre host`: sealed secrets, one killed under load, what was lost
	@tools/setup.sh test
	@$(PYTHON) tests/independent/demo_parent.py --out "$(OUT)"

image: ## the enclave image of ENCLAVE_APP, or of PLUGIN=FILE.so with CONFIG=DIR, and its measurements, into out/
	@CONFIG="$(CONFIG)" tools/image/image.sh "$(OUT)" $(if $(PLUGIN),--plugin "$(PLUGIN)","$(ENCLAVE_APP)")

test-image: build ## build images twice under different conditions, two apps, and what must be refused; compare
	@tools/setup.sh build test image
	@$(PYTHON) tools/run-tests.py --build out/build --out "$(OUT)" --name image --no-unit --e2e tests/image

test-container: ## build the Containerfile with buildah on a base made here, and compare with what `make image` gives
	@tools/setup.sh build container
	@tools/image/container-test.sh "$(OUT)" "$(ENCLAVE_APP)"

image-lock: ## pin what the mirror has today: packages that images are built in
	@tools/image/lock.sh

image-kernel-record: ## build the kernel and record its digest, after a change of its source or configuration
	@tools/image/kernel.sh "$$(tools/image/tree.sh)" --record

vm: build image ## boot the image of ENCLAVE_APP in QEMU with an emulated NSM, and serve it on LISTEN
	@tools/setup.sh test
	@programs=$$(tools/vm/setup.sh) && exec $(PYTHON) tools/vm/run.py --eif "$(OUT)/nitro.eif" --programs "$$programs" \
		--nacre "$(OUT)/bin/nacre" --parent-init "$(OUT)/vm/parent-init" --listen "$(LISTEN)" --secrets "$(SECRETS)" \
		--requests "plugins/$(ENCLAVE_APP)/requests.txt" $(ARGS)

test: build-tests ## build and run unit tests and end-to-end tests
	@$(PYTHON) tools/run-tests.py --build out/build --out "$(OUT)" --name test

# The image is that of an app without secrets, and one whose every request is answered without an upstream.
test-vm: build-tests ## boot the image that ships in QEMU: measurements, secrets, egress, bad starts; 3 minutes once set up
	@$(MAKE) --no-print-directory image ENCLAVE_APP=media PLUGIN= CONFIG=
	@programs=$$(tools/vm/setup.sh) && NACRE_VM_PROGRAMS="$$programs" $(PYTHON) tools/run-tests.py --no-unit \
		--e2e tests/vm --out "$(OUT)" --name vm

abi: ## compare the plugin ABI with every version of it; ARGS=record, at a release: docs/ABI.md
	@tools/setup.sh test
	@$(PYTHON) tests/abi/guard.py $(ARGS)

lint: ## clang-format, clang as second compiler, clang-tidy, cppcheck, forbidden calls
	@tools/setup.sh build test lint
	@tools/lint.sh

build-asan:
	@tools/setup.sh build test
	@$(CONFIGURE) -B out/asan -DNACRE_SANITIZE=address $(SANITIZED) >/dev/null
	@cmake --build out/asan -j $(JOBS) -- --quiet

build-tsan:
	@tools/setup.sh build test
	@$(CONFIGURE) -B out/tsan -DNACRE_SANITIZE=thread $(SANITIZED) >/dev/null
	@cmake --build out/tsan -j $(JOBS) -- --quiet

asan: build-asan ## unit tests and a short end-to-end run under AddressSanitizer and UBSan
	@$(PYTHON) tools/run-tests.py --build out/asan --out "$(OUT)/asan" --name asan \
		--exclude-unit "$(NOT_SANITIZED)" --e2e-marker sanitizer

tsan: build-tsan ## unit tests under ThreadSanitizer
	@$(PYTHON) tools/run-tests.py --build out/tsan --out "$(OUT)/tsan" --name tsan \
		--exclude-unit "$(NOT_SANITIZED)|$(ONE_THREAD)" --no-e2e

fuzz: ## fuzz everything that parses for MINUTES with ENGINE (libfuzzer, afl); ARGS='--only yaml --keep'
	@tools/setup.sh build lint fuzz
	@$(CONFIGURE) -B out/fuzz-$(ENGINE) -DNACRE_FUZZ=ON -DNACRE_SANITIZE=address $(SANITIZED) \
		-DCMAKE_C_COMPILER=$(FUZZ_CC) -DNACRE_OUT=$(OUT)/fuzz-$(ENGINE) >/dev/null
	@cmake --build out/fuzz-$(ENGINE) -j $(JOBS) --target fuzzers -- --quiet
	@$(PYTHON) tools/fuzz.py --dir out/fuzz-$(ENGINE) --engine $(ENGINE) --minutes $(MINUTES) $(ARGS)

# What cannot be installed is left out of the measurements, and said.
bench: build-tests ## beside axum, nginx, libmicrohttpd: CPU time, requests/s, latency, memory, start, upstreams; ARGS=--long
	-@tools/setup.sh test bench
	@$(PYTHON) bench/bench.py --out "$(OUT)" $(ARGS)

bench-host: build-tests ## `nacre host` beside socat and HAProxy: requests per second, latency, CPU time, memory
	@tools/setup.sh bench
	@$(PYTHON) bench/host.py --out "$(OUT)"

compare-ml: build-tests ## train beside scikit-learn and PyTorch (installed as needed): accuracy, time, memory, digests
	@tools/setup.sh test compare
	@$(PYTHON) bench/mltraining.py --out "$(OUT)" $(ARGS)

soak: build-tests ## helpers killed every second for KILL_SECONDS; load with crashes for SOAK_SECONDS: nothing grows
	@$(PYTHON) bench/soak.py --out "$(OUT)" --kill-seconds $(KILL_SECONDS)
	@ALLOCATION_SECONDS=0 NACRE_OUT="$(OUT)" $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/e2e/test_allocations.py
	@$(PYTHON) bench/soak.py --out "$(OUT)" --seconds $(SOAK_SECONDS)

clean: ## remove out/
	@rm -rf out
