"""A node's fingerprint changes with all that its result depends on, and with nothing else."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tauro.config import Context
from tauro.exec.code.fingerprint import Fingerprint, Fingerprints
from tauro.exec.planning.plan import make_plan
from tauro.model.plan import Plan
from tauro.model.window import Window

JOBS = '''
"""Jobs."""
import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, partial, wraps
from logging import getLogger

import shared
from shared import LIMIT, Model, pick as picked

log = getLogger(__name__)
RATE = 3
NAMES = {"a", "b", "c", "d"}
RENAMES = {"a": "b", "c": "d"}
PATTERN = re.compile("x+")
STEPS = [lambda x: x + 1]
MODEL = Model(2)
triple = partial(shared.times, 3)


def traced(function):
    @wraps(function)
    def inner(*args):
        log.info("now")
        return function(*args)
    return inner


def helper(x):
    return deeper(x) * RATE


def deeper(x):
    return x - 1


def other(x):
    """Nobody's."""
    return x


@lru_cache(maxsize=8)
def kept(x):
    return deeper(x)


def plain(x):
    """What it does."""
    # why
    log.info("here")
    return helper(x)


def sets(x):
    return NAMES, RENAMES, PATTERN.match(x), x in {"p", "q", "r"}


def lists(x):
    return STEPS[0](x)


def imported(x):
    return shared.times(picked(x), LIMIT)


def instance(x):
    return MODEL.run(x)


def cached(x):
    return kept(x)


def partly(x):
    return triple(x)


def defaults(x, rate=RATE, *, limit=LIMIT):
    return x


@traced
def decorated(x):
    return helper(x)


def dynamic(x):
    return globals()["other"](x)


def late(x):
    from shared import times
    return times(x, 1)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


class Kind(Enum):
    A = "a"
    B = "b"


KIND = Kind.A


@dataclass(frozen=True)
class Conf:
    by: int = 1

    def scaled(self, x):
        return self.by * x


CONF = Conf(7)


class Job:
    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return deeper(x) - self.by


job = Job(4)


def kind(x):
    return KIND


def conf(x):
    return CONF.scaled(x)


def lazily(x):
    import lazy
    return lazy.later(x)


def make(by):
    def made(x):
        return x * by
    return made


made = make(5)
'''
SHARED = '''
from deep import base
LIMIT = 10


def times(x, y):
    return base(x) * y


def pick(x):
    return x


def unused(x):
    return x


class Model:
    """A model."""

    def __init__(self, by):
        self.by = by

    def run(self, x):
        return base(x) * self.by
'''
DEEP = "def base(x):\n    return x\n"
LAZY = "import deep\n\n\ndef later(x):\n    return deep.base(x)\n"
FILES = {"jobs.py": JOBS, "shared.py": SHARED, "deep.py": DEEP, "lazy.py": LAZY}
NODES = (
    *("plain", "sets", "lists", "imported", "instance", "cached", "partly", "defaults", "decorated", "dynamic"),
    *("late", "even", "made", "job", "kind", "conf", "lazily"),
)
Codes = Callable[..., dict[str, str]]


@pytest.fixture
def codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Codes:
    """Loads the modules anew, one text of one file replaced, and tells the code fingerprint of each function."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(file: str = "jobs.py", old: str = "", new: str = "") -> dict[str, str]:
        for name, text in FILES.items():
            if name == file and old:
                assert text.count(old) == 1
                text = text.replace(old, new)
            (tmp_path / name).write_text(text)
            sys.modules.pop(Path(name).stem, None)
        importlib.invalidate_caches()
        taken = prints(tmp_path)
        return {name: one.code for name, one in taken.items()}

    yield load
    for name in FILES:
        sys.modules.pop(Path(name).stem, None)


def context_of(root: Path) -> Context:
    return Context(
        {},
        {"p": {"nodes": list(NODES), "requires_dates": False}},
        {name: {"function": f"jobs.{name}", "params": {"x": 1}} for name in NODES},
        root=root,
    )


def plan_of(context: Context) -> Plan:
    return make_plan(context, "p")


def prints(root: Path) -> dict[str, Fingerprint]:
    context = context_of(root)
    plan = plan_of(context)
    taken = Fingerprints(context, plan)
    return {name: taken.of(node) for name, node in plan.nodes.items()}


def changed(codes: Codes, file: str, old: str, new: str) -> set[str]:
    before, after = codes(), codes(file, old, new)
    return {name for name in NODES if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "old", "new", "nodes"),
    [
        ("jobs.py", "return x - 1", "return x - 2", {"plain", "cached", "decorated", "dynamic", "job"}),
        ("jobs.py", "RATE = 3", "RATE = 4", {"plain", "decorated", "defaults", "dynamic"}),
        ("jobs.py", '"a", "b", "c", "d"', '"a", "b", "c", "e"', {"sets", "dynamic"}),
        ("jobs.py", '"a": "b", "c": "d"', '"c": "d", "a": "b"', {"sets", "dynamic"}),
        ("jobs.py", 'compile("x+")', 'compile("y+")', {"sets", "dynamic"}),
        ("jobs.py", '{"p", "q", "r"}', '{"p", "q", "s"}', {"sets", "dynamic"}),
        ("jobs.py", "lambda x: x + 1", "lambda x: x + 2", {"lists", "dynamic"}),
        ("jobs.py", "Model(2)", "Model(3)", {"instance", "dynamic"}),
        ("jobs.py", "partial(shared.times, 3)", "partial(shared.times, 4)", {"partly", "dynamic"}),
        ("jobs.py", "maxsize=8", "maxsize=9", {"cached", "dynamic"}),
        ("jobs.py", "rate=RATE", "rate=RATE + 1", {"defaults", "dynamic"}),
        ("jobs.py", 'log.info("now")', 'log.info("later")', {"decorated", "dynamic"}),
        ("jobs.py", "@traced\n", "", {"decorated", "dynamic"}),
        ("jobs.py", "n != 0 and", "n > 0 and", {"even", "dynamic"}),
        ("jobs.py", "make(5)", "make(6)", {"made", "dynamic"}),
        ("jobs.py", "return x * by", "return x + by", {"made", "dynamic"}),
        ("jobs.py", '"""Nobody\'s."""\n    return x', "return x + 1", {"dynamic"}),
        ("shared.py", "LIMIT = 10", "LIMIT = 11", {"imported", "defaults", "dynamic", "late"}),
        ("shared.py", "return base(x) * y", "return base(x) + y", {"imported", "partly", "dynamic", "late"}),
        ("shared.py", "def unused(x):\n    return x", "def unused(x):\n    return 1", {"dynamic", "late"}),
        ("shared.py", "* self.by", "+ self.by", {"instance", "dynamic", "late"}),
        ("deep.py", "return x", "return -x", {"imported", "instance", "partly", "dynamic", "late", "lazily"}),
        ("lazy.py", "deep.base(x)", "deep.base(-x)", {"dynamic", "lazily"}),
        ("jobs.py", "Job(4)", "Job(5)", {"job", "dynamic"}),
        ("jobs.py", "- self.by", "+ self.by", {"job", "dynamic"}),
        ("jobs.py", "KIND = Kind.A", "KIND = Kind.B", {"kind", "dynamic"}),
        ("jobs.py", 'A = "a"', 'A = "c"', {"kind", "dynamic"}),
        ("jobs.py", "Conf(7)", "Conf(8)", {"conf", "dynamic"}),
        ("jobs.py", "self.by * x", "self.by + x", {"conf", "dynamic"}),
    ],
)
def test_a_change_is_noticed_by_the_nodes_that_reach_it_and_by_no_other(
    codes: Codes, file: str, old: str, new: str, nodes: set[str]
) -> None:
    assert changed(codes, file, old, new) == nodes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    # why\n", "\n\n    # because\n"),
        ('"""What it does."""', '"""What it does, at length."""'),
        ('    """What it does."""\n', ""),
        ("return helper(x)\n\n\ndef sets", "return helper(\n        (x)\n    )\n\n\ndef sets"),
        ('"""Jobs."""', '"""All\n\njobs."""'),
        ("def other(x):\n", "\n\n\ndef other( x ):\n"),
    ],
)
def test_comments_docstrings_layout_and_places_change_nothing(codes: Codes, old: str, new: str) -> None:
    assert changed(codes, "jobs.py", old, new) == set()


def test_every_process_tells_the_same(codes: Codes, tmp_path: Path) -> None:
    here = codes()
    script = (
        "import json, sys\nfrom pathlib import Path\nfrom tests.unit.exec.code.test_fingerprint import prints\n"
        "print(json.dumps({name: one.code for name, one in prints(Path(sys.argv[1])).items()}))"
    )
    for seed in ("0", "1"):
        path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        command = [sys.executable, "-c", script, str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == here


def test_a_module_that_is_not_loaded_yet_tells_what_it_tells_once_it_is(codes: Codes, tmp_path: Path) -> None:
    before = codes()
    importlib.import_module("lazy")
    assert {name: one.code for name, one in prints(tmp_path).items()} == before


def test_code_that_was_edited_after_it_was_loaded_does_not_pass_for_what_ran(codes: Codes, tmp_path: Path) -> None:
    ran = codes()
    (tmp_path / "jobs.py").write_text(JOBS.replace("return x - 1", "return x - 2"))
    taken_late = {name: one.code for name, one in prints(tmp_path).items()}
    assert taken_late["plain"] not in (ran["plain"], codes("jobs.py", "return x - 1", "return x - 2")["plain"])


def test_an_expression_of_a_thousand_terms_is_told_by_its_file(codes: Codes) -> None:
    terms = " + ".join(["x"] * 800)
    first = codes("jobs.py", "return x - 1", f"return x - 1 + {terms}")
    second = codes("jobs.py", "return x - 1", f"return x - 2 + {terms}")
    assert first["plain"] != second["plain"]
    assert first["plain"] == codes("jobs.py", "return x - 1", f"return x - 1 + {terms}")["plain"]


def test_what_nodes_do_to_the_values_of_their_modules_is_no_change(codes: Codes, tmp_path: Path) -> None:
    codes()
    plan = plan_of(context_of(tmp_path))
    taken = Fingerprints(context_of(tmp_path), plan)
    first, second = taken.of(plan.nodes["plain"]), taken.of(plan.nodes["sets"])
    sys.modules["jobs"].RENAMES["new"] = "er"
    assert (taken.of(plan.nodes["plain"]), taken.of(plan.nodes["sets"])) == (first, second)


def nodes_of(root: Path) -> Mapping[str, Any]:
    (root / "q.sql").write_text("SELECT * FROM raw")
    return {
        "a": {
            "sql": "q.sql",
            "input": ["raw"],
            "output": ["out"],
            "params": {"x": 1, "y": 2},
            "tags": ["t"],
            "retry": 1,
        },
    }


def one(
    root: Path,
    change: Callable[[dict[str, Any]], object] = lambda documents: None,
    window: Window | None = None,
) -> Fingerprint:
    """The fingerprint of the one node of a project whose documents are changed."""
    documents: dict[str, Any] = {
        "settings": {"max_workers": 2, "default_hyperparams": {"h": 1}},
        "pipelines": {"p": {"nodes": ["a"], "requires_dates": False, "type": "batch", "spark_config": {"x.y": 1}}},
        "nodes": dict(nodes_of(root)),
        "inputs": {"raw": {"path": "raw", "format": "csv", "schema": "raw.ddl", "options": {"header": True}}},
        "outputs": {"out": {"path": "out", "format": "parquet", "write_mode": "overwrite"}},
    }
    (root / "raw.ddl").write_text("id int")
    change(documents)
    given = [documents[name] for name in ("settings", "pipelines", "nodes", "inputs", "outputs")]
    context = Context(*given, root=root)
    plan = make_plan(context, "p", window)
    return Fingerprints(context, plan).of(plan.nodes["a"])


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["nodes"]["a"]["params"].update(x=2),
        lambda d: d["nodes"]["a"].update(hyperparams={"depth": 1}),
        lambda d: d["inputs"]["raw"]["options"].update(header=False),
        lambda d: d["inputs"]["raw"].update(path="raw2"),
        lambda d: d["outputs"]["out"].update(write_mode="append"),
        lambda d: d["outputs"]["out"].update(partition_by=["id"]),
        lambda d: d["pipelines"]["p"]["spark_config"].update({"x.y": 2}),
        lambda d: d["pipelines"]["p"].update(type="ml"),
    ],
)
def test_what_a_node_is_told_is_its_configuration(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    before = one(tmp_path)
    after = one(tmp_path, change)
    assert after.changed_since(before) == "its configuration has changed"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["nodes"]["a"].update(tags=["u"], description="x", retry=3, timeout_s=9),
        lambda d: d["nodes"]["a"].update(params={"y": 2, "x": 1}),
        lambda d: d["settings"].update(max_workers=9),
        lambda d: d["settings"].update(default_hyperparams={"h": 2}),
        lambda d: d["pipelines"]["p"].update(hyperparams={"h": 2}, model_version="2", max_workers=1),
        lambda d: d["inputs"].update(more={"path": "more.csv"}),
    ],
)
def test_what_does_not_reach_a_node_is_not(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    assert one(tmp_path, change).changed_since(one(tmp_path)) is None


def test_the_window_and_the_hyperparameters_of_learning_pipelines_reach_nodes(tmp_path: Path) -> None:
    assert one(tmp_path, window=Window("2025-01-01", "2025-01-01")).configuration != one(tmp_path).configuration

    def ml(h: int) -> Callable[[dict[str, Any]], object]:
        return lambda d: d["pipelines"]["p"].update(type="ml", hyperparams={"h": h})

    assert one(tmp_path, ml(1)).configuration != one(tmp_path, ml(2)).configuration


def test_the_text_of_a_query_is_code_and_the_file_of_a_schema_configuration(tmp_path: Path) -> None:
    before = one(tmp_path)
    queried = one(tmp_path, lambda d: (tmp_path / "q.sql").write_text("SELECT *  FROM raw"))
    assert queried.changed_since(before) == "its code has changed"
    typed = one(tmp_path, lambda d: (tmp_path / "raw.ddl").write_text("id long"))
    assert typed.changed_since(before) == "its configuration has changed"
    both = one(tmp_path, lambda d: d["nodes"]["a"].update(sql="SELECT 1", params={}))
    assert both.changed_since(before) == "its code and its configuration have changed"


def test_secrets_leave_only_as_part_of_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_secret(value: str) -> Fingerprint:
        monkeypatch.setenv("KEY_TO_IT", value)
        return one(tmp_path, lambda d: d["nodes"]["a"]["params"].update(key="${secret:KEY_TO_IT}"))

    first = with_secret("hunter22")
    assert "hunter" not in repr(first)
    assert with_secret("hunter23").configuration != first.configuration


def test_500_nodes_of_one_module_are_told_in_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "RATE = 2\n\n\ndef shared(x):\n    return x * RATE\n\n\n"
    for number in range(500):
        text += (
            f"def node{number}(x):\n    y = shared(x) + {number}\n    return [one for one in [y] if one > RATE]\n\n\n"
        )
    (tmp_path / "many_jobs.py").write_text(text)
    names = [f"node{number}" for number in range(500)]
    context = Context(
        {},
        {"p": {"nodes": names, "requires_dates": False}},
        {name: {"function": f"many_jobs.{name}", "params": {"x": 1}} for name in names},
        root=tmp_path,
    )
    plan = make_plan(context, "p")
    began = time.process_time()
    taken = Fingerprints(context, plan)
    assert len({taken.of(node) for node in plan.nodes.values()}) == 500
    took = time.process_time() - began
    sys.modules.pop("many_jobs", None)
    assert took < 1.0
