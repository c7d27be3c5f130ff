"""A container's limits count, not the host's size."""

from __future__ import annotations

import os
from pathlib import Path

from tauro.launch.machine import this_machine


def test_without_limits_the_machine_is_what_the_process_may_use(tmp_path: Path) -> None:
    machine = this_machine(tmp_path)
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert machine.memory_bytes > 256 * 1024**2


def test_unlimited_is_no_limit(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert this_machine(tmp_path) == this_machine(tmp_path / "nowhere")


def test_a_containers_limits_count(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text(f"{300 * 1024**2}\n")
    machine = this_machine(tmp_path)
    assert machine.cores == 1
    assert machine.memory_bytes == 300 * 1024**2
