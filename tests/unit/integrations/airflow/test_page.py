"""docs/airflow.md says what the code does; and Airflow is needed by nothing but the operator."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tauro
from tauro.cli.commands.airflow import export
from tauro.errors import MissingExtraError

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "airflow.md").read_text()
OPERATOR = ROOT / "tauro" / "integrations" / "airflow" / "operator.py"


def table(heading: str) -> str:
    """The first table below a heading."""
    found = re.search(rf"^#+ {heading}$.*?^(\|.*?)^(?!\|)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def first_cells(heading: str) -> list[str]:
    return re.findall(r"`([^`]+)`", " ".join(line.split("|")[1] for line in table(heading).splitlines()))


def test_the_page_names_every_argument_of_the_operator() -> None:
    tree = ast.parse(OPERATOR.read_text())
    (init,) = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    assert first_cells("The operator") == [argument.arg for argument in init.args.kwonlyargs]


def test_all_but_three_arguments_are_templates() -> None:
    tree = ast.parse(OPERATOR.read_text())
    (fields,) = [
        ast.literal_eval(one.value)
        for one in ast.walk(tree)
        if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "template_fields" and one.value is not None
    ]
    assert set(first_cells("The operator")) - set(fields) == {"has_window", "deferrable", "poll_s"}


def test_the_page_names_every_option_of_export() -> None:
    flags = {max(option.opts, key=len) for option in export.params} - {"--pipeline", "--project"}
    named = {word.split(" ")[0] for word in first_cells("A DAG file")}
    assert {{"-o": "--output"}.get(word, word) for word in named} == flags


def test_airflow_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import tauro.integrations.airflow as room

    monkeypatch.setitem(sys.modules, "airflow", None)
    monkeypatch.delitem(sys.modules, "tauro.integrations.airflow.operator", raising=False)
    with pytest.raises(MissingExtraError) as error:
        _ = room.TauroOperator
    assert error.value.fix == "pip install 'tauro[airflow]'"
    with pytest.raises(AttributeError, match="no attribute 'TauroSensor'"):
        _ = room.TauroSensor


def test_a_dag_file_loads_neither_spark_nor_the_rest_of_tauro() -> None:
    program = (
        "import sys\n"
        "from tauro.integrations.airflow import assets, identity, interval, request, run_folder, starting, watch\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('pyspark', 'yaml', 'pydantic', 'loguru')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_tauro_is_a_module_to_run() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tauro", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"tauro {tauro.__version__}\n"
