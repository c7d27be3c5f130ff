# Everything that these need is made in .venv, the first time: a virtual environment, packages, jars.
VENV := .venv
EXAMPLE := config_examples/flights
START := 2013-01-01
END := 2013-01-07

COMPOSE := docker compose --file docker/compose.yml

.PHONY: help run test check bench faults cluster-up cluster-down compose-up compose-down lock clean

help:
	@echo "make run     runs the example's daily pipeline, and shows its result"
	@echo "make test    runs all tests"
	@echo "make check   checks format, lint, types and layers"
	@echo "make bench   measures Tauro against hand-written code"
	@echo "make faults  kills runs at every durable step, for hours; goes on where it stopped"
	@echo "make cluster-up    starts a Spark cluster on this machine, and prints its URL"
	@echo "make cluster-down  ends it"
	@echo "make compose-up    starts Spark, PostgreSQL and S3 storage in containers; docs/deploy.md says what for"
	@echo "make compose-down  ends them, and keeps what they have stored"
	@echo "make lock    renews requirements-dev.lock and requirements-airflow.lock"
	@echo "make clean   removes everything that was made"

run: $(VENV)/.complete
	$(VENV)/bin/tauro run --project $(EXAMPLE) --pipeline daily --start $(START) --end $(END) $(RUN_ARGS)
	$(VENV)/bin/python scripts/show_table.py $(EXAMPLE)/output/gold/daily_report

test: $(VENV)/.complete
	scripts/install-postgres
	scripts/install-airflow .airflow
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(VENV)/.complete
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.complete
	$(VENV)/bin/python -m tests.bench $(BENCH_ARGS)

faults: $(VENV)/.complete
	scripts/install-postgres
	$(VENV)/bin/python -m tests.faults $(FAULTS_ARGS)
	TAURO_READERS_S=600 $(VENV)/bin/python -m pytest -q -s tests/spark/test_readers.py

cluster-up: $(VENV)/.complete
	$(VENV)/bin/python scripts/cluster-up $(CLUSTER_ARGS)

cluster-down: $(VENV)/.complete
	$(VENV)/bin/python scripts/cluster-down

compose-up: docker/.env
	$(COMPOSE) up --build --detach --wait

compose-down: docker/.env
	$(COMPOSE) down

# Passwords of its own for each checkout.
docker/.env:
	@umask 077; for name in POSTGRES_PASSWORD S3_SECRET_KEY; do \
		echo "$$name=$$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')"; done >$@

lock:
	scripts/renew-lock

$(VENV)/.complete: pyproject.toml requirements-dev.lock scripts/setup-env
	scripts/setup-env $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) .airflow .airflow.lock .cluster .bench .faults
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf config_examples/*/output config_examples/*/.tauro config_examples/*/spark-warehouse config_examples/*/metastore_db
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
