"""Loading scales: its time and its lookups, against PyYAML's C loader on the same file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from tauro.config import Context

NODE = """node_{0}:
  function: project.steps.step_{0}
  input: [bronze.table_{0}]
  output: [silver.table_{0}]
  dependencies: [node_{1}]
  tags: [daily, silver]
  params: {{limit: {0}, threshold: 0.5, day: "${{start_date}}", region: "${{region}}"}}
  retry: 2
"""


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="the C loader is not there to compare with")
def test_many_nodes_load_in_less_than_one_and_a_half_times_what_pyyaml_takes(tmp_path: Path) -> None:
    text = "".join(NODE.format(number, max(number - 1, 0)) for number in range(4_000))
    (tmp_path / "nodes.yml").write_text(text)
    start = time.perf_counter()
    yaml.load(text, yaml.CSafeLoader)
    by_pyyaml = time.perf_counter() - start
    start = time.perf_counter()
    context = Context({"variables": {"region": "eu"}}, nodes_config="nodes.yml", root=tmp_path)
    by_context = time.perf_counter() - start
    assert len(context.nodes) == 4_000
    assert by_context < 1.5 * by_pyyaml
