"""The jars that the tests give to Spark: resolved once with the Ivy that pyspark ships, kept in the environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

POSTGRES = "org.postgresql:postgresql:42.7.13"
COORDINATES = {
    "4.0": ("io.delta:delta-spark_2.13:{delta}", "org.apache.spark:spark-avro_2.13:4.0.0", POSTGRES),
    "4.2": ("io.delta:delta-spark_4.2_2.13:{delta}", "org.apache.spark:spark-avro_2.13:4.1.1", POSTGRES),
}
"""By Spark: Delta, Avro (the newest on Maven Central that runs on that Spark) and the PostgreSQL driver."""


def spark_jars(folder: Path | None = None) -> list[Path]:
    """The jars of `COORDINATES` and of what they need, less those that pyspark has already.

    Args:
        folder: where they are kept between test runs; `jars` in the virtual environment by default.
    """
    folder = folder or Path(sys.prefix) / "jars"
    jars = []
    for template in COORDINATES[".".join(version("pyspark").split(".")[:2])]:
        coordinate = template.format(delta=version("delta-spark"))
        kept = folder / coordinate.replace(":", "_")
        if not kept.is_dir():
            _resolve(coordinate, kept)
        jars += sorted(kept.glob("*.jar"))
    return list({jar.name: jar for jar in jars}.values())


def _resolve(coordinate: str, kept: Path) -> None:
    """Fills the folder `kept`; it appears only when it is complete, so that parallel runs may race."""
    spec = find_spec("pyspark")
    assert spec is not None, "pyspark is not installed"
    assert spec.origin is not None
    shipped = Path(spec.origin).parent / "jars"
    kept.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=kept.parent))
    try:
        ivy = next(shipped.glob("ivy-*.jar"))
        command = [_java(), "-jar", str(ivy), "-cache", str(work / "cache"), "-confs", "default,runtime"]
        command += ["-dependency", *coordinate.split(":"), "-types", "jar", "bundle"]
        command += ["-retrieve", f"{work}/found/[artifact]-[revision].[ext]"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode or not list(work.glob("found/*.jar")):
            raise RuntimeError(f"could not resolve {coordinate}:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
        for jar in work.glob("found/*.jar"):
            if list(shipped.glob(f"{jar.name.rpartition('-')[0]}-[0-9]*.jar")):
                jar.unlink()
        try:
            (work / "found").rename(kept)
        except OSError:
            if not kept.is_dir():  # else another run was faster
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _java() -> str:
    java = shutil.which("java")
    assert java, "no java on PATH"
    return java
