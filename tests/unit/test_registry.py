"""A registry finds plug-ins by name, imports them late, and says what is missing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tauro.errors import MissingExtraError, UnknownNameError
from tauro.registry import Registry


def test_a_row_is_an_object_or_its_place() -> None:
    registry: Registry[object] = Registry("thing", {"own": max, "placed": "math:sqrt"})
    assert registry["own"] is max
    assert registry["placed"](9) == 3  # type: ignore[operator]  # the test's registry holds anything


def test_a_place_is_imported_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "late_plug_in.py").write_text("THING = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[object] = Registry("thing", {"late": "late_plug_in:THING"})
    assert "late" in registry
    assert "late_plug_in" not in sys.modules
    assert registry["late"] == 7


def test_an_unknown_name_is_an_error_with_suggestions() -> None:
    registry: Registry[object] = Registry("format", {"parquet": max, "csv": max})
    with pytest.raises(UnknownNameError, match=r"unknown format 'parket'; known: csv, parquet\n.*'parquet'"):
        registry["parket"]


def test_a_missing_package_of_a_row_with_an_extra_names_the_extra() -> None:
    registry: Registry[object] = Registry("mode", {"x": "json:x"}, extras={"x": "spark"})
    registry.add("x", "tests_that_are_nowhere:attr")
    with pytest.raises(ModuleNotFoundError):  # the plug-in itself is missing: a defect, no extra
        registry["x"]


def test_what_a_plug_in_needs_and_lacks_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needy_plug_in.py").write_text("import package_nobody_has.part\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[object] = Registry("mode", {"x": "needy_plug_in:THING"}, extras={"x": "spark"})
    with pytest.raises(MissingExtraError, match="mode 'x' needs the package 'package_nobody_has'") as caught:
        registry["x"]
    assert caught.value.extra == "spark"


def test_other_packages_add_rows_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("theirs", "math:pi", "tauro.things"), EntryPoint("own", "math:e", "tauro.things")]
    monkeypatch.setattr("tauro.registry.entry_points", lambda group: points if group == "tauro.things" else [])
    registry: Registry[object] = Registry("thing", {"own": max}, group="tauro.things")
    assert list(registry) == ["own", "theirs"]
    assert registry["theirs"] == pytest.approx(3.14159, abs=1e-5)
    assert registry["own"] is max  # Tauro's own rows can't be taken over unseen


def test_a_row_can_be_put_in_place_of_another() -> None:
    registry: Registry[object] = Registry("thing", {"a": max})
    registry.add("a", min)
    assert registry["a"] is min


def test_the_engine_is_importable_without_pyspark() -> None:
    program = """
import sys
sys.modules["pyspark"] = None
import tauro.exec, tauro.exec.executor, tauro.exec.checks.preflight, tauro.exec.commands
import tauro.exec.api, tauro.io.formats
from tauro.exec import *
loaded = [name for name in sys.modules if name.split(".")[0] in ("pyspark", "py4j", "delta") and sys.modules[name]]
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
