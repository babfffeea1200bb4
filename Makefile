# Everything that is built lies in target/ (cargo's) and build/ (all else); `make clean` removes both.

PYTHON ?= python3
PREFIX ?= /usr/local
DESTDIR ?=
# make PREFIXED=ON: the library whose names are all millpond_pool_..., under the name millpond_prefixed.
PREFIXED ?= OFF
CMAKE := $(or $(shell command -v cmake),build/venv/bin/cmake)
CMAKE_BUILD = build/cmake$(if $(filter OFF,$(PREFIXED)),,-prefixed)
# Passed on by `make demo`, `make bench` and `make instructions`: make demo ARGS=--full, make bench ARGS="--only W5".
ARGS ?=
# The kinds of `make test` to run, by default all (make test ONLY=c,loom), and the time for everything.
ONLY ?=
MINUTES ?= 60

# Where rustup puts cargo, for a shell that has not been told.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: build demo test chaos soak fuzz coverage bench instructions lint format header wheel install clean

build: | $(CMAKE)
	$(CMAKE) -S . -B $(CMAKE_BUILD) -DCMAKE_INSTALL_PREFIX="$(PREFIX)" -DMILLPOND_TARGET_DIR="$(CURDIR)/target" \
	  -DMILLPOND_PREFIX=$(PREFIXED)
	$(CMAKE) --build $(CMAKE_BUILD)

demo:
	$(PYTHON) tools/demo.py $(ARGS)

test:
	$(PYTHON) tools/setup.py test
	$(PYTHON) tools/test.py --minutes $(MINUTES) $(if $(ONLY),--only "$(ONLY)")

# Workers killed at random: rounds of TASKS tasks, one or as many as fit into MINUTES.
chaos: TASKS ?= 100000
chaos:
	$(PYTHON) tools/setup.py test
	CHAOS_TASKS=$(TASKS) CHAOS_MINUTES=$(if $(filter file,$(origin MINUTES)),0,$(MINUTES)) \
	  build/venv/bin/python -m pytest -q -s tests/chaos

# The randomised tester, half of MINUTES in each mode; what failed says how to run it again.
soak: SEED ?=
soak:
	$(PYTHON) tools/setup.py test
	TESTER_SECONDS=$$(($(MINUTES) * 30)) TESTER_SEED=$(SEED) \
	  build/venv/bin/python -m pytest -q -s tests/tester -k "test_tester and not under"

# Nonsense in the structs that callers fill, each case for a share of MINUTES; FUZZ_SEED=7 takes other nonsense.
fuzz:
	$(PYTHON) tools/setup.py test
	FUZZ_SECONDS=$$(($(MINUTES) * 10)) build/venv/bin/python -m pytest -q -s tests/fuzz

# What the C tests run of the C layer and of the pool; ARGS="-- -k future" takes some of them.
coverage:
	$(PYTHON) tools/setup.py test
	$(PYTHON) tools/coverage.py $(ARGS)

bench:
	$(PYTHON) benches/bench.py $(ARGS)

# Where each instruction of a task goes; ARGS=--bless writes down how many there may be.
instructions:
	$(PYTHON) tests/instructions/counts.py $(ARGS)

lint:
	$(PYTHON) tools/setup.py lint
	$(PYTHON) tools/lint.py

format:
	$(PYTHON) tools/setup.py lint
	$(PYTHON) tools/lint.py --fix

header:
	MILLPOND_BLESS=1 cargo test --features header --test header
	$(PYTHON) tools/python_declarations.py
	$(PYTHON) tools/cpp_names.py

# The Python package with the library in it, build/wheel/millpond-*.whl: pip installs it.
wheel:
	$(PYTHON) tools/wheel.py

install: build
	DESTDIR="$(DESTDIR)" $(CMAKE) --install $(CMAKE_BUILD)

clean:
	rm -rf build target

build/venv/bin/cmake:
	$(PYTHON) tools/setup.py cmake
