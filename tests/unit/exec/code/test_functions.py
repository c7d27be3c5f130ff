"""Finding functions: each way in which one can't be had is told apart."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

from tauro.exec.code.functions import FunctionError, call_problem, import_from, load_function, parameters_of


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a module `user_module` that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "user_module", raising=False)
    return tmp_path / "user_module.py"


def problem(path: str) -> FunctionError:
    with pytest.raises(FunctionError) as caught:
        load_function(path)
    return caught.value


def test_a_function_is_found_by_its_path(module: Path) -> None:
    module.write_text("def clean(rows):\n    return rows\n")
    assert load_function("user_module.clean")(5) == 5


def test_a_module_that_does_not_exist(module: Path) -> None:
    error = problem("user_modul.clean")
    assert error.message == "function 'user_modul.clean': there is no module 'user_modul'"
    assert not error.is_spark_missing


def test_an_attribute_that_does_not_exist(module: Path) -> None:
    module.write_text("def clean(rows):\n    return rows\n")
    error = problem("user_module.claen")
    assert "module 'user_module' has no attribute 'claen'" in error.message
    assert error.fix == "did you mean 'clean'?"


def test_an_attribute_that_is_not_callable(module: Path) -> None:
    module.write_text("clean = 5\n")
    assert problem("user_module.clean").message == "function 'user_module.clean' is not callable: it is of type int"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\ny = 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def broken(:\n", "SyntaxError"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_module_that_fails_while_it_is_imported_tells_where(module: Path, text: str, told: str) -> None:
    module.write_text(text)
    error = problem("user_module.clean")
    assert "importing 'user_module' fails" in error.message
    assert told in error.message
    assert f"({module}:{2 if 'x = 1' in text or 'sys' in text else 1})" in error.message


def test_a_module_that_lacks_a_package(module: Path) -> None:
    module.write_text("import package_nobody_has\n")
    error = problem("user_module.clean")
    assert "module 'user_module' imports 'package_nobody_has', which is not installed" in error.message
    assert not error.is_spark_missing


@pytest.mark.parametrize("package", ["pyspark.sql", "delta.tables"])
def test_a_module_that_lacks_spark_alone(module: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in (package.partition(".")[0], package):
        monkeypatch.setitem(sys.modules, name, None)
    module.write_text(f"from {package} import x\n")
    error = problem("user_module.clean")
    assert error.is_spark_missing
    assert error.fix == "pip install 'tauro[spark]'"


def test_a_name_without_a_module() -> None:
    assert "is no dotted path" in problem("clean").message


@pytest.mark.parametrize(
    ("function", "positional", "keywords", "told"),
    [
        (lambda a, b: 0, 2, [], None),
        (lambda a, b: 0, 1, [], "missing a required argument: 'b'"),
        (lambda a: 0, 2, [], "too many positional arguments"),
        (lambda a: 0, 1, ["limit"], "got an unexpected keyword argument 'limit'"),
        (lambda a, *, limit: 0, 1, ["limit"], None),
        (lambda a, *, limit: 0, 1, [], "missing a required argument: 'limit'"),
        (lambda *rows: 0, 5, [], None),
        (lambda a, **others: 0, 1, ["anything"], None),
        (lambda a, start_date, end_date, ml_context: 0, 1, [], None),
        (lambda a, start_date: 0, 2, [], "multiple values for argument 'start_date'"),
        (lambda a, limit=3: 0, 1, [], None),
        (functools.partial(lambda a, b: 0, b=1), 1, [], None),
        (max, 7, [], None),
    ],
)
def test_a_call_is_checked_against_the_signature(
    function: object, positional: int, keywords: list[str], told: str | None
) -> None:
    message = call_problem(function, positional, keywords)  # type: ignore[arg-type]  # all are callable
    assert message is None if told is None else told in (message or "")


def test_what_a_function_takes_by_keyword() -> None:
    def function(a: int, /, b: int, *rest: int, c: int) -> None: ...

    taken = parameters_of(function)
    assert [name in taken for name in ("a", "b", "rest", "c", "d")] == [False, True, False, True, False]
    assert "anything" in parameters_of(lambda **others: 0)


def test_two_projects_with_modules_of_one_name_keep_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same_name.py").write_text(f"def f(): return {name!r}\n")
    found = []
    for name in ("one", "two", "one"):
        import_from(tmp_path / name)
        found.append(load_function("same_name.f")())
    assert found == ["one", "two", "one"]
    assert str(tmp_path / "two") not in sys.path


def test_only_packages_that_functions_came_from_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "one"), *sys.path])
    (tmp_path / "one").mkdir()
    (tmp_path / "one/of_nodes.py").write_text("def f(): ...\n")
    (tmp_path / "one/of_others.py").write_text("")
    import_from(tmp_path / "one")
    load_function("of_nodes.f")
    others = __import__("of_others")
    import_from(tmp_path / "two")
    assert "of_nodes" not in sys.modules
    assert sys.modules["of_others"] is others
