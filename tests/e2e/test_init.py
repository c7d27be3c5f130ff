"""What a newcomer does first: make a project, run it, run its tests, edit a function, run it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.support.example import TAURO, Example

pytestmark = pytest.mark.spark

WEEK = ("--start", "2025-01-01", "--end", "2025-01-07")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """What `tauro init corner-shop` makes."""
    folder = tmp_path_factory.mktemp("init")
    subprocess.run([str(TAURO), "init", "corner-shop"], cwd=folder, check=True, capture_output=True, timeout=60)
    return Example(folder / "corner-shop")


@pytest.mark.parametrize("environment", [(), ("--env", "prod")])
def test_new_project_has_no_problems(project: Example, environment: tuple[str, ...]) -> None:
    assert project.tauro("validate", *environment)["problems"] == []


def test_new_project_runs_and_an_edited_function_changes_its_result(project: Example) -> None:
    assert project.tauro("run", "--pipeline", "daily", *WEEK)["status"] == "completed"
    days = pd.read_parquet(project.root / "output/gold/sales_by_day")
    assert days["orders"].sum() == 13
    assert float(days["amount"].sum()) == pytest.approx(expected_amount(project.root / "data/orders.csv"))

    module = project.root / "corner_shop/sales.py"
    module.write_text(module.read_text().replace('F.desc("amount")', 'F.asc("amount")'))
    project.tauro("run", "--pipeline", "daily", *WEEK)
    (file,) = (project.root / "output/gold/best_products").glob("*.csv")
    assert next(iter(pd.read_csv(file)["product"])) == "apples"


def test_tests_of_a_new_project_pass(project: Example, tmp_path: Path) -> None:
    subprocess.run([str(TAURO), "init", str(tmp_path / "shop")], check=True, capture_output=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path / "shop", capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "4 passed" in done.stdout


def expected_amount(orders: Path) -> float:
    """The amount of the window's valid orders."""
    frame = pd.read_csv(orders)
    valid = frame[(frame["quantity"] >= 1) & (frame["order_date"] <= "2025-01-07")]
    return float((valid["quantity"] * valid["unit_price"]).sum())
