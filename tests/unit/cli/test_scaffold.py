"""A new project from the template."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from tauro.cli.scaffold import package_name, write_project
from tauro.errors import InvalidValueError


def test_writes_a_whole_project_and_names_every_file(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "shop"
    written = write_project(target)
    assert written == sorted(path for path in target.rglob("*") if path.is_file())
    names = {str(path.relative_to(target)) for path in written}
    assert {"tauro.yml", ".gitignore", "README.md", "config/nodes.yml", "data/orders.csv"} <= names
    assert {"shop/__init__.py", "shop/sales.py", "tests/conftest.py", "tests/test_pipeline.py"} <= names
    assert "gitignore.txt" not in names


def test_fills_in_the_package_name_everywhere(tmp_path: Path) -> None:
    written = write_project(tmp_path / "My-Shop.eu")
    assert not [path for path in written if "my_project" in path.read_text() or "my_project" in str(path)]
    nodes = yaml.safe_load((tmp_path / "My-Shop.eu/config/nodes.yml").read_text())
    assert {node["function"].rpartition(".")[0] for node in nodes.values()} == {"my_shop_eu.sales"}
    for path in written:
        if path.suffix == ".py":
            ast.parse(path.read_text(), filename=str(path))


def test_every_function_that_a_node_names_exists(tmp_path: Path) -> None:
    write_project(tmp_path / "shop")
    nodes = yaml.safe_load((tmp_path / "shop/config/nodes.yml").read_text())
    module = ast.parse((tmp_path / "shop/shop/sales.py").read_text())
    defined = {f"shop.sales.{item.name}" for item in module.body if isinstance(item, ast.FunctionDef)}
    assert {node["function"] for node in nodes.values()} == defined


def test_an_empty_folder_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert write_project(tmp_path / "shop")


def test_leaves_a_folder_with_anything_in_it_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/notes.txt").write_text("mine")
    with pytest.raises(InvalidValueError, match="not empty"):
        write_project(tmp_path / "shop")
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["notes.txt"]


def test_refuses_a_file_as_target(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("")
    with pytest.raises(InvalidValueError, match="is a file"):
        write_project(tmp_path / "shop")


@pytest.mark.parametrize("name", ["1shop", "class", "shöp!", "json", "tests", "tauro", "---"])
def test_refuses_a_name_that_can_not_be_imported_before_writing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValueError):
        write_project(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_takes_the_package_name_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    assert package_name(Path()) == "shop"
