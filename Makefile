# From nothing (Python 3.11 or newer, make) to a demonstration, the tests, the measurements.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
BENCH ?= all
BROKEN := $(addprefix tests/faults/test_,storm.py close_races.py histories.py power_loss.py full_disk.py clocks.py)
PROOF ?= docs/payout-proof.json
FAILOVERS ?= 30
export PYTHONDONTWRITEBYTECODE :=

.PHONY: failovers setup demo test test-fast test-spark laws soak tampers schema check check-quotes bench serve lock sbom audit clean payout-crashes payout-kills payout-histories faults faults-long dashboards image-check fuzz planted mutants

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "suanbu needs Python 3.11, 3.12 or 3.13"; exit 1; }
	@echo "==> environment (.venv)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "==> kernels (compiled once, about a minute)"
	@$(BIN)/suanbu warm
	@touch .venv/ready

demo: setup
	@$(BIN)/suanbu demo --data data/demo

serve: setup
	@$(BIN)/suanbu serve

# on all cores (at most four); tests/support/spread.py says how the tests are spread
test: setup check
	@echo "==> tests"
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4

# what runs in memory: under a minute on two cores
test-fast: setup
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --fast

# the rollup on a real Spark cluster: master and two workers on loopback; needs Java 17 and half a gigabyte from PyPI
test-spark: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pyspark>=4.0,<5' 'pandas>=2.2,<3'
	@$(BIN)/python -m pytest -q -m spark tests/rollup/test_spark.py

# the product against the plain second implementation on 20,000 random worlds, five times as many as the suite tries
laws: setup
	@SUANBU_WORLDS=20000 $(BIN)/python -m pytest -q -o faulthandler_timeout=0 tests/laws/test_product.py

# longer versions of what the suite does briefly: more kills, 500 slow clients, overload, more random worlds, lives and payments
soak: setup
	@SUANBU_FAULT_CYCLES=30 SUANBU_SLOW_CLIENTS=500 SUANBU_OVERLOAD_ROUNDS=20 $(BIN)/python -m pytest -q -s tests/faults
	@SUANBU_TAMPERS=2000 SUANBU_CLEAN=1000 $(BIN)/python -m pytest -q -s tests/evidence/test_checkpoint.py
	@SUANBU_LIVES=300 $(BIN)/python -m pytest -q -s tests/review/test_random_lives.py
	@SUANBU_PAYMENTS=2000 $(BIN)/python -m pytest -q -s tests/payout/test_random_payments.py
	@SUANBU_WORLDS=100000 $(BIN)/python -m pytest -q -o faulthandler_timeout=0 tests/laws/test_product.py

# everything broken on purpose, seeded (SUANBU_FAULTS_SEED); SUANBU_FAULTS_MINUTES ends each part; writes its figures, also
# of a run that failed, into the JSON file and the page
faults: setup
	@SUANBU_FAULTS=full SUANBU_FAULTS_FIGURES=tests/faults/figures.json nice $(BIN)/python -m pytest -q -s $(BROKEN); \
		ended=$$?; $(BIN)/python -m tests.faults.harness.quoted && exit $$ended

# the same for hours
faults-long: setup
	@SUANBU_FAULTS=long SUANBU_FAULTS_FIGURES=tests/faults/figures.long.json nice $(BIN)/python -m pytest -q -s $(BROKEN)

# 2,000 random tampers over every table and column, by the owner of the database, each to be found and located
tampers: setup
	@SUANBU_TAMPERS=2000 $(BIN)/python -m pytest -q -s tests/security/test_random_tampers.py

# 100,000 seeded requests that are nearly right, over every route and page, and thousands of files; then schemathesis, longer
fuzz: setup
	@SUANBU_FUZZ=100000 SUANBU_FUZZ_FILES=5000 SUANBU_SCHEMATHESIS=20 SUANBU_FUZZ_FIGURES=fuzz.json \
		$(BIN)/python -m pytest -q -o faulthandler_timeout=0 --show-capture=no tests/fuzz

# every planted bug in a copy of the tree, one at a time: the tests that it names must catch it
planted: setup
	@$(BIN)/python -m tests.planted --figures planted.json

# every small change of what decides about records and payments, and 100 each of netting and award: nine of ten are killed
mutants: setup
	@$(BIN)/python -m tests.mutants --most 100 --all payout --all journal --figures mutants.json

# the fingerprint of what the migrations make, which `suanbu verify --checkpoint` holds a database against
schema: setup
	@$(BIN)/python -m migrations.reference $(wildcard /usr/lib/postgresql/15/bin)

# the payout job dies, or stands still for another worker, at every boundary it has, in every way of the bank; takes long
payout-crashes: setup
	@SUANBU_PROOF=$(PROOF) SUANBU_CRASH_STRIDE=1 $(BIN)/python -m pytest -q -s tests/payout/test_every_crash.py

# 300 payout jobs as processes, killed and stopped at any moment, through both gateways; takes long
payout-kills: setup
	@SUANBU_PROOF=$(PROOF) SUANBU_PAYOUT_KILLS=150 $(BIN)/python -m pytest -q -s tests/payout/test_kills.py

# 20,000 random histories of an instruction, drawn by hypothesis, through the database's rules
payout-histories: setup
	@SUANBU_PROOF=$(PROOF) SUANBU_HISTORIES=20000 $(BIN)/python -m pytest -q -s tests/payout/test_histories.py

# 30 primaries lost one after another under Patroni and etcd (Debian's packages), about fifteen minutes; FAILOVERS=10, three times, adds up
failovers: setup
	@SUANBU_FAILOVERS=$(FAILOVERS) SUANBU_FAULTS_FIGURES=tests/faults/failovers.json nice $(BIN)/python -m pytest -q -s -n0 tests/faults/test_failover.py

# the JSON files of Grafana, from their declaration
dashboards: setup
	@$(BIN)/python deploy/grafana/make.py

# the image, built and run without a container engine: as root, with mmdebstrap, about four minutes; BIND names folders that pip needs
image-check: setup
	@$(BIN)/python -m tests.deploy.image $(foreach folder,$(BIND),--bind $(folder))

check: setup
	@echo "==> style, types, imports, lock"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --verbose 2>/dev/null | tail -1 || $(BIN)/lint-imports
	@! grep -nE '://|@ *file|--index-url|--find-links' requirements*.lock || { echo "the lock names a host or a path"; exit 1; }

# every quote of the rounds and of docs/rules.md, compared with the policy documents in SEEDS, which are not in the repository
check-quotes: setup
	@test -n "$(SEEDS)" || { echo "name the folder of the policy documents: make check-quotes SEEDS=DIR"; exit 1; }
	@$(BIN)/python -m settlement.rounds.check_quotes "$(SEEDS)"

bench: .venv/bench
	@$(BIN)/python -m benchmarks --only $(BENCH) $(if $(QUICK),--quick)

.venv/bench: .venv/ready requirements-bench.lock
	@echo "==> what the measurements compare against"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch .venv/bench

# the runtime's lock is a part of the development's: what the image installs is what was tested
lock:
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate --extra dev --extra build --extra otel -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate --extra build -c requirements.lock \
		-o requirements.runtime.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate --extra build --extra otel -c requirements.lock \
		-o requirements.otel.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate --extra dev --extra build --extra otel --extra bench \
		-o requirements-bench.lock pyproject.toml

# what is installed, as a bill of materials (CycloneDX), from the lock with its hashes
sbom: .venv/tools/ready
	@.venv/tools/bin/cyclonedx-py requirements --output-reproducible --of JSON -o sbom.json requirements.lock
	@echo "written to sbom.json: $$(grep -c '"bom-ref"' sbom.json) entries"

# known vulnerabilities of what is locked; asks a public database, so it needs the network
audit: .venv/tools/ready
	@.venv/tools/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock \
		|| { echo "vulnerabilities were found, or the database of vulnerabilities could not be reached: see above"; exit 1; }

.venv/tools/ready: .venv/ready
	@$(PYTHON) -m venv .venv/tools
	@.venv/tools/bin/python -m pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7,<8' 'pip-audit>=2.10,<3'
	@touch .venv/tools/ready

clean:
	rm -rf .venv data .pytest_cache .mypy_cache .ruff_cache
