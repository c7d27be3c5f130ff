"""Where inputs and outputs lie."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tauro.errors import UnknownNameError
from tauro.io.files.marker import Marker, read_marker
from tauro.io.locations import format_of, input_spec_for, location, output_spec_for
from tauro.model import InputSpec, OutputSpec
from tauro.model.entry import Source
from tests.support.io_project import IoProject


@pytest.fixture
def project(tmp_path: Path) -> IoProject:
    return IoProject(tmp_path)


def test_an_id_without_an_entry_lies_below_the_output_path(project: IoProject) -> None:
    spec = output_spec_for(project, "bronze.events")
    assert (spec.path, spec.format, spec.name) == (f"{project.root}/out/bronze/events", "parquet", "bronze.events")


def test_an_entry_without_a_place_lies_there_too_and_keeps_its_source(project: IoProject) -> None:
    project.outputs["a.b"] = OutputSpec.parse("a.b", {"format": "csv"}, Source("config/outputs.yml", 3))
    spec = output_spec_for(project, "a.b")
    assert (spec.path, spec.format, str(spec.source)) == (f"{project.root}/out/a/b", "csv", "config/outputs.yml:3")


def test_a_table_is_kept_in_the_projects_format(project: IoProject) -> None:
    project.with_output("t", table="db.T").with_output("d", table="db.D", options={"provider": "delta"})
    spec = output_spec_for(project, "t")
    assert (spec.format, spec.path, spec.options) == ("table", None, {"provider": "parquet"})
    assert output_spec_for(project, "d").options == {"provider": "delta"}
    assert location(spec) == "table:db.t"


def test_inputs_come_before_outputs_and_unknown_ids_are_errors(project: IoProject) -> None:
    project.with_input("x", path=["data/a", "s3a://b/*"]).with_output("x", path="elsewhere").with_output("y", path="y")
    assert input_spec_for(project, "x").path == (f"{project.root}/data/a", "s3a://b/*")
    assert input_spec_for(project, "y").path == (f"{project.root}/y",)
    with pytest.raises(UnknownNameError, match="unknown input 'zz'; known: x, y"):
        input_spec_for(project, "zz")


def test_one_place_in_many_spellings_is_one_location(project: IoProject) -> None:
    spellings = ["data/t", "data/t/", "./data/x/../t", f"file://{project.root}/data/t", f"{project.root}/data/t"]
    specs = [output_spec_for(project, "t", OutputSpec.parse("t", {"path": path})) for path in spellings]
    inputs = [input_spec_for(project, "t", InputSpec.parse("t", {"path": path})) for path in spellings]
    assert {location(spec) for spec in (*specs, *inputs)} == {f"{project.root}/data/t"}


def test_a_database_is_shown_without_its_secrets() -> None:
    options = {
        "url": "jdbc:postgresql://joe:pw@h/db?user=joe&password=pw&ssl=1",
        "dbtable": "public.t",
        "password": "pw",
    }
    shown = location(InputSpec.parse("t", {"format": "jdbc", "options": options}))
    assert "pw" not in shown
    assert shown.startswith("jdbc:postgresql://h/db")
    assert shown.endswith("ssl=1#public.t")


def test_a_folders_content_tells_its_format(project: IoProject, tmp_path: Path) -> None:
    spec = InputSpec.parse("t", {"path": str(tmp_path / "t")})
    assert format_of(project, spec) == "parquet"
    (tmp_path / "t").mkdir()
    Marker("run", "node", "t", "orc", "{}").write(tmp_path / "t")
    assert format_of(project, spec) == "orc"
    (tmp_path / "t/_delta_log").mkdir()
    assert format_of(project, spec) == "delta"
    assert format_of(project, InputSpec.parse("t", {"path": str(tmp_path / "t"), "format": "csv"})) == "csv"
    assert format_of(project, InputSpec.parse("t", {"path": "x.csv.gz"})) == "csv"


def test_markers_are_read_back_and_foreign_files_are_none(tmp_path: Path) -> None:
    marker = Marker("run", "node", "t", "csv", "{}", ("day",), {"header": "true"}, "part-0")
    marker.write(tmp_path)
    assert read_marker(tmp_path) == marker
    (tmp_path / "_tauro.json").write_text('{"version": 99}')
    assert read_marker(tmp_path) is None
    assert read_marker(tmp_path / "none") is None


def test_formats_and_locations_do_without_pyspark() -> None:
    code = (
        "import sys; sys.modules['pyspark'] = None; sys.modules['py4j'] = None; sys.modules['delta'] = None\n"
        "from tauro.io.formats import FORMATS\nfrom tauro.io import locations, input, output, results, sql\n"
        "from tauro.model import InputSpec, OutputSpec\n"
        "for name in FORMATS: FORMATS[name].check_input(InputSpec.parse('t', {'path': 'x'}))\n"
        "for name in FORMATS: FORMATS[name].check_output(OutputSpec.parse('t', {'path': 'x'}))\n"
        "print('sqlglot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
