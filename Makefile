# Two commands do everything on a fresh Linux machine: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GENERATIONS ?= 8
SEED ?= 1
SEEDS ?= 0
COUNT ?= 1000
# one more than there are cores: tests often wait for the programs that they start
WORKERS ?= $(shell expr $$(nproc) + 1)

.PHONY: demo test test-fresh test-extras test-kernels test-null test-slow test-mutants test-crash test-long simulate test-local test-train test-denoising lint format lock bench clean

demo: $(VENV)/.core  ## the main job: LawBench from a naive harness, beside its baseline
	$(BIN)/sia data get lawbench
	$(BIN)/sia run lawbench --generations $(GENERATIONS) --seed $(SEED) --plain
	$(BIN)/sia show last
	$(BIN)/sia test last
	$(BIN)/sia replay last --verify
	@echo
	@echo "Look at it with:  $(BIN)/sia    $(BIN)/sia log last    $(BIN)/sia diff last 1 2    $(BIN)/sia tree    $(BIN)/sia cost last"

test: $(VENV)/.dev  ## the tests; the slow ones are in test-slow
	$(BIN)/pytest -n $(WORKERS)

test-fresh: $(VENV)/.dev  ## the README and the guides on a machine on which nothing was done yet, as root and as an ordinary user
	$(MAKE) --jobs 2 test-fresh-as-root test-fresh-as-ordinary

test-fresh-as-ordinary: NICE = nice -n 5  # beside root's tests of limits in time
test-fresh-as-%: $(VENV)/.dev
	AS=$* $(NICE) $(BIN)/pytest -m fresh -n 0 -p no:randomly -s --tb short $(addprefix tests/fresh/test_,readme.py guides.py conditions.py index.py)

test-denoising: $(VENV)/.denoising  ## denoising with MAGIC and scanpy, whole runs on real counts where $$SIA_TEST_DATA has them
	$(BIN)/pytest -m "not fresh and not extras" -n 0 --timeout 2400 -k denoising tests

test-slow: $(VENV)/.dev  ## minutes long: whole LawBench runs
	$(BIN)/pytest -m "slow and not kernels" -n $(WORKERS) --timeout 2400 --durations 25

test-mutants: $(VENV)/.dev  ## deliberate weakenings of what the promises rest on, each of which its test must notice
	$(BIN)/pytest -m "" -n auto tests/mutants

test-crash: $(VENV)/.dev  ## a kill and each fault at every call that changes a file, in every command: hours
	$(BIN)/python -m tests.crash.points

test-long: $(VENV)/.dev  ## long forms of slow tests: a fork at every event, 20 generations under noise, ten kills on LawBench, a run of 2000, more agents of others
	SIA_LONG=1 SIA_LONG_RUN=2000 $(BIN)/pytest -m slow -k "fork_anywhere or long_run or noisy_evaluator or ten_kills_on_lawbench or real_clients or as_they_stand or lawbench" -n 2 --timeout 0 \
		tests/crash/test_forks.py tests/crash/test_long_run.py tests/crash/test_model_calls.py tests/unit/importers/test_adopted_tasks.py \
		tests/unit/loop/test_real_clients.py tests/unit/domains/lawbench/test_models.py tests/unit/sandbox/gateway/test_agents_as_they_stand.py

simulate: $(VENV)/.dev  ## random histories with faults on a simulated machine, from seed $(SEEDS) on, $(COUNT) of them
	$(BIN)/python -m tests.simulation --first $(SEEDS) --count $(COUNT)

test-extras: $(VENV)/.dev  ## each extra in an environment of its own: gigabytes; llama.cpp is compiled unless pip has kept its wheel
	$(BIN)/pytest -m extras -n 0 tests/wheel

test-local: $(VENV)/.local  ## SmolLM2 in process by llama.cpp, and behind its server
	$(BIN)/pytest -m local -n 0 tests/local

test-train: $(VENV)/.train  ## training: every algorithm, adapters; SmolLM2 by transformers
	$(BIN)/pytest -m train -n 0 tests/train

test-kernels: $(VENV)/.kernels  ## kernels compiled, run and attacked in their sandbox
	$(BIN)/pytest -m "kernels and not slow" -n 0 --timeout 600 tests/kernels

test-null: $(VENV)/.kernels  ## an unchanged kernel, twenty times, on a busy machine
	$(BIN)/pytest -m "kernels and slow" -n 0 tests/kernels

lint: $(VENV)/.dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## the measurements that the documentation quotes
	$(BIN)/python benchmarks/gate_power.py
	$(BIN)/python -m benchmarks.covariates
	$(BIN)/python benchmarks/sandbox_throughput.py
	$(BIN)/python -m benchmarks.terminal
	$(BIN)/python benchmarks/broker_overhead.py
	$(BIN)/python -m benchmarks.denoising_memory
	@if $(BIN)/python -c 'import torch, trl' 2>/dev/null; then $(BIN)/python -m benchmarks.training && $(BIN)/python -m benchmarks.learning; \
	else echo 'benchmarks of training are left out: they need the extra bench'; fi

lock: $(VENV)/.dev  ## the lock files, after a change of dependencies
	$(BIN)/pip-compile -q $(LOCK) --extra dev -o requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile -q $(LOCK) -c requirements-dev.lock -o requirements.lock pyproject.toml

LOCK := --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	--no-header --annotation-style=line

$(VENV)/.core: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@ $(VENV)/.core

# two pips in one environment at once would leave a mixture, as with `make -j`
ALONE := flock $(VENV)/.pip

$(VENV)/.llama: $(VENV)/.dev  # llama.cpp is compiled: some fifteen minutes of one core, once
	CMAKE_ARGS="-DLLAVA_BUILD=OFF" $(BIN)/pip wheel --quiet --no-deps --wheel-dir $(VENV)/wheels "llama-cpp-python>=0.3.36,<0.4"
	touch $@

$(VENV)/.local: $(VENV)/.llama
	$(ALONE) $(BIN)/pip install --quiet --find-links $(VENV)/wheels "llama-cpp-python[server]" -e ".[local]"
	touch $@

$(VENV)/.train: $(VENV)/.dev
	$(ALONE) $(BIN)/pip install --quiet -e ".[train]"
	touch $@

$(VENV)/.denoising: $(VENV)/.dev
	$(ALONE) $(BIN)/pip install --quiet -e '.[denoising]'
	touch $@

$(VENV)/.kernels: $(VENV)/.dev
	$(ALONE) $(BIN)/pip install --quiet -e '.[kernels]'
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
