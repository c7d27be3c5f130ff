"""Projects of any size, made to be validated: written like the examples, with data files that exist."""

from __future__ import annotations

import shutil
from pathlib import Path

MODULE = "steps"
FUNCTIONS = 100
NODES_A_FILE = 100
WIDTH = 10
"""Nodes in a row of the graph; each reads two of the row before."""


def write_project(root: Path, nodes: int, *, sql_every: int | None = None) -> Path:
    """Writes a project of one pipeline, in place of what is there.

    Args:
        root: the folder.
        nodes: how many nodes.
        sql_every: makes every so manieth node one in SQL; None for none.
    """
    shutil.rmtree(root, ignore_errors=True)
    (root / "config/nodes").mkdir(parents=True)
    (root / "data").mkdir()
    names = [f"step_{at:05}" for at in range(nodes)]
    for at in range(WIDTH):
        (root / f"data/table_{at}.csv").write_text("id,amount\n1,2\n")
    (root / f"{MODULE}.py").write_text(_MODULE + "".join(_FUNCTION.format(at=at) for at in range(FUNCTIONS)))
    (root / "tauro.yml").write_text(_MANIFEST)
    (root / "config/settings.yml").write_text(_SETTINGS)
    (root / "config/inputs.yml").write_text("".join(_INPUT.format(at=at) for at in range(WIDTH)))
    (root / "config/outputs.yml").write_text("".join(_OUTPUT.format(name=name) for name in names))
    listed = "\n".join(f"    - {name}" for name in names)
    (root / "config/pipelines.yml").write_text(f"daily:\n  description: Everything.\n  nodes:\n{listed}\n")
    for begin in range(0, nodes, NODES_A_FILE):
        entries = [_entry(at, names, sql_every) for at in range(begin, min(begin + NODES_A_FILE, nodes))]
        (root / f"config/nodes/part_{begin // NODES_A_FILE:03}.yml").write_text("\n".join(entries))
    return root


def documents(root: Path) -> list[Path]:
    """Every YAML file of a project."""
    return sorted(root.rglob("*.yml"))


def _entry(at: int, names: list[str], sql_every: int | None) -> str:
    row, column = divmod(at, WIDTH)
    if row == 0:
        first, second = f"raw.table_{column}", f"raw.table_{(column + 1) % WIDTH}"
    else:
        before = names[(row - 1) * WIDTH : row * WIDTH]
        first, second = f"silver.{before[column]}", f"silver.{before[(column + 1) % WIDTH]}"
    form = _SQL_NODE if sql_every is not None and at % sql_every == 0 else _NODE
    return form.format(name=names[at], at=at % FUNCTIONS, first=first, second=second)


_MANIFEST = """\
global_settings: config/settings.yml
pipelines_config: config/pipelines.yml
nodes_config: [config/nodes/*.yml]
input_config: config/inputs.yml
output_config: config/outputs.yml
"""
_SETTINGS = """\
input_path: data
output_path: output
variables:
  least: 5
"""
_INPUT = """\
raw.table_{at}:
  path: ${{input_path}}/table_{at}.csv
  schema: id INT, amount DOUBLE
  options: {{header: true}}

"""
_OUTPUT = """\
silver.{name}:
  format: parquet
  path: ${{output_path}}/silver/{name}

"""
_NODE = """\
{name}:
  description: What becomes of two tables of the row before.
  function: steps.step_{at}
  input: [{first}, {second}]
  output: [silver.{name}]
  params:
    least: ${{least}}
  tags: [silver]
"""
_SQL_NODE = """\
{name}:
  description: What becomes of two tables of the row before, in SQL.
  sql: |
    SELECT a.id, sum(a.amount) AS amount, count(b.id) AS matches
    FROM a LEFT JOIN b ON a.id = b.id
    WHERE a.amount >= :least
    GROUP BY a.id
  input: {{a: {first}, b: {second}}}
  output: [silver.{name}]
  params:
    least: ${{least}}
  tags: [silver]
"""
_MODULE = '"""Functions of nodes."""\n'
_FUNCTION = '''

def step_{at}(left, right, least):
    """Rows of the left table that have a partner in the right one."""
    return left.join(right, "id", "left_semi").where(left.amount >= least)
'''
