"""docker/compose.yml is what Compose expects, holds together, and is what the example's environment speaks of."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyspark
import pytest
import yaml

from tauro.config import Context
from tests.support.dockerfile import instructions
from tests.support.linters import complaints

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker" / "compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SPARK = ("spark-master", "spark-worker")


def test_it_is_what_the_specification_of_compose_allows() -> None:
    assert complaints("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE) == ""


def test_every_service_that_is_waited_for_is_there_and_tells_of_its_health() -> None:
    waited = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    assert waited == {"spark-master", "spark-worker", "postgres", "s3"}
    assert all("test" in SERVICES[name]["healthcheck"] for name in waited)


def test_every_volume_and_secret_is_declared_and_used() -> None:
    volumes = {volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert volumes == set(COMPOSE["volumes"])
    assert {name for service in SERVICES.values() for name in service.get("secrets", [])} == set(COMPOSE["secrets"])


def test_images_that_are_not_built_here_have_full_versions() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert all(re.fullmatch(r"[\w/]+:v?\d+\.\d+[\w.-]*", image) for image in images), images
    for service in SERVICES.values():
        if "build" in service:
            build = service["build"]
            assert (FILE.parent / build["context"] / build["dockerfile"]).resolve() == ROOT / "docker" / "Dockerfile"


def test_ports_are_open_to_this_machine_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_variables_that_have_no_default_are_told_in_the_guide() -> None:
    needed = set(re.findall(r"\$\{(\w+):\?", FILE.read_text()))
    needed |= {secret["environment"] for secret in COMPOSE["secrets"].values()}
    assert needed == {"S3_SECRET_KEY", "POSTGRES_PASSWORD"}
    guide = (ROOT / "docs" / "deploy.md").read_text()
    assert all(f"{name}=" in guide for name in needed)


@pytest.mark.parametrize("name", SPARK)
def test_spark_has_the_programs_that_are_started(name: str) -> None:
    program, main = SERVICES[name]["entrypoint"]
    home = Path(pyspark.__file__).parent
    assert (home / "bin" / program).is_file()
    (core,) = (home / "jars").glob("spark-core_*.jar")
    with zipfile.ZipFile(core) as jar:
        assert f"{main.replace('.', '/')}.class" in jar.namelist()


def test_there_are_two_workers_which_find_the_master() -> None:
    master = SERVICES["spark-master"]["command"]
    address = f"spark://{master[master.index('--host') + 1]}:{master[master.index('--port') + 1]}"
    assert SERVICES["spark-worker"]["command"][-1] == address
    assert SERVICES["spark-worker"]["deploy"]["replicas"] == 2


def test_the_environment_of_the_example_names_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "hunter2")
    context = Context.from_project(ROOT / "config_examples" / "flights", env="compose")
    settings = context.settings
    assert settings.mode == "distributed"
    assert settings.spark_config["spark.master"] == SERVICES["spark-worker"]["command"][-1]
    history = urlsplit(str(settings.history))
    database = SERVICES["postgres"]["environment"]
    assert history.hostname == "postgres"
    assert (history.username, history.path) == (database["POSTGRES_USER"], f"/{database['POSTGRES_DB']}")
    assert database["POSTGRES_PASSWORD_FILE"] == f"{settings.secrets_path}/POSTGRES_PASSWORD"
    (home,) = [one.words for one in instructions(ROOT / "docker" / "Dockerfile") if one.name == "WORKDIR"]
    assert settings.spark_config["spark.executorEnv.PYTHONPATH"] == home
    shared = f"{home}/{Path(str(settings.output_path)).parts[0]}"
    for name in ("tauro", *SPARK):
        assert f"output:{shared}" in SERVICES[name]["volumes"]
    (users,) = [one.words for one in instructions(ROOT / "docker" / "Dockerfile") if "useradd" in one.words]
    assert shared in users.split(), "a new volume belongs to root unless the image has its folder"
