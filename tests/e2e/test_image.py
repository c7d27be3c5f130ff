"""The image of docker/Dockerfile, made by its own instructions in a folder, runs the flights without network."""

from __future__ import annotations

import json
import site
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.dockerfile import Image, instructions
from tests.support.example import flights_of_january
from tests.support.jvms import own_archive, plain_environment

pytestmark = pytest.mark.spark

ROOT = Path(__file__).parents[2]
NO_PROXY = "http://127.0.0.1:1"
JAVA_NO_NETWORK = "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=1 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=1"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of the example with January's flights and, for the sake of its jars, Delta.

    Tauro is built and installed as in the image; what it needs is taken from the tests' environment.
    """
    folder = tmp_path_factory.mktemp("image")
    example = flights_of_january(folder / "flights")
    settings = example.root / "config/settings.yml"
    ivy = Path(sys.prefix) / "jars" / "ivy"
    settings.write_text(f"{settings.read_text()}default_format: delta\nspark_config: {{spark.jars.ivy: '{ivy}'}}\n")
    variables = plain_environment() | own_archive() | {"PYTHON": sys.executable}
    for name in ("PYTHONPATH", "TAURO_ARCHIVE"):
        variables.pop(name, None)
    image = Image(folder / "root", ROOT, {"project": example.root}, variables)
    image.inside("/var/cache/tauro").mkdir(parents=True)
    packages = image.inside(f"/opt/tauro/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")
    packages.mkdir(parents=True)
    (packages / "tests.pth").write_text("\n".join(site.getsitepackages()))  # pip takes what lies there for installed
    for one in instructions(ROOT / "docker" / "Dockerfile"):
        if "useradd" not in one.words:
            image.do(one)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NO_PROXY)
    options = f"{variables.get('SPARK_SUBMIT_OPTS', '')} {JAVA_NO_NETWORK}"
    image.environment |= {**proxies, "SPARK_SUBMIT_OPTS": options, "HOME": str(folder / "home")}
    return image


def tauro(image: Image, *arguments: str) -> dict[str, Any]:
    """What the image's entry point answers."""
    (entry_point,) = [one.words for one in instructions(ROOT / "docker" / "Dockerfile") if one.name == "ENTRYPOINT"]
    command = [str(image.inside("/opt/tauro/bin") / word) for word in json.loads(entry_point)]
    document: dict[str, Any] = json.loads(image.run(*command, *arguments, cwd=image.inside("/project")))
    return document


def test_the_environment_holds_tauro_itself_and_not_the_checkout(image: Image) -> None:
    python = str(image.inside("/opt/tauro/bin/python"))
    (place,) = image.run(python, "-c", "import tauro; print(*tauro.__path__)", cwd=image.root).split()
    assert Path(place).is_relative_to(image.inside("/opt/tauro/lib"))
    installed = {path.relative_to(place) for path in Path(place).rglob("*.*") if "__pycache__" not in path.parts}
    ours = {path.relative_to(ROOT / "tauro") for path in (ROOT / "tauro").rglob("*.*") if path.suffix != ".pyc"}
    assert installed == ours


def test_a_session_finds_its_jars_and_its_archive_of_classes_in_the_image(image: Image) -> None:
    cache = image.inside("/var/cache/tauro")
    answer = tauro(image, "show", "settings", "--pipeline", "daily", "--json")
    settings = {entry["name"]: entry["value"] for entry in answer["spark"]}
    jars = settings["spark.jars"].split(",")
    assert any("delta-spark" in jar for jar in jars)
    assert all(Path(jar).is_relative_to(cache / "jars") and Path(jar).is_file() for jar in jars)
    assert f"-XX:SharedArchiveFile={cache}/archives/" in settings["spark.driver.defaultJavaOptions"]


def test_the_flights_run_without_network(image: Image) -> None:
    cache = image.inside("/var/cache/tauro")
    before = {path for folder in ("jars", "archives") for path in (cache / folder).rglob("*")}
    result = tauro(image, "run", "--pipeline", "daily", "--start", "2013-01-01", "--end", "2013-01-01", "--json")
    rows = {output["id"]: output["rows"] for node in result["nodes"] for output in node["outputs"]}
    assert result["status"] == "completed"
    assert (rows["silver.flights"], rows["gold.daily_report"]) == (842, 1)
    assert {path for folder in ("jars", "archives") for path in (cache / folder).rglob("*")} == before
    assert not Path(image.environment["HOME"]).exists(), "nothing was looked for beside what the image has"
    assert {path.name for path in image.inside("/project").iterdir()} >= {"output", ".tauro"}
