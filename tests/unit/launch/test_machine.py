"""The limits of a container or a service count, not the host's size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tauro.launch.machine import this_machine

MIB = 1024**2


def of_group(folder: Path, name: str) -> Path:
    """The file that names a process's control group."""
    own = folder / "own"
    own.write_text(f"12:cpu,cpuacct:/elsewhere\n0::{name}\n")
    return own


def test_without_limits_the_machine_is_what_the_process_may_use(tmp_path: Path) -> None:
    machine = this_machine(tmp_path, tmp_path / "nowhere")
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert machine.memory_bytes > 256 * MIB


def test_unlimited_is_no_limit(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert this_machine(tmp_path) == this_machine(tmp_path / "nowhere")


def test_a_containers_limits_count(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text(f"{300 * MIB}\n")
    machine = this_machine(tmp_path, of_group(tmp_path, "/"))
    assert machine.cores == 1
    assert machine.memory_bytes == 300 * MIB


def test_the_limits_of_a_service_and_of_its_slice_count(tmp_path: Path) -> None:
    service = tmp_path / "system.slice" / "daily@2025-01-31.service"
    service.mkdir(parents=True)
    (service / "memory.max").write_text(f"{400 * MIB}\n")
    (service / "cpu.max").write_text("max 100000\n")
    own = of_group(tmp_path, "/system.slice/daily@2025-01-31.service")
    assert this_machine(tmp_path, own).memory_bytes == 400 * MIB
    (service.parent / "memory.max").write_text(f"{300 * MIB}\n")
    (service.parent / "cpu.max").write_text("100000 100000\n")
    machine = this_machine(tmp_path, own)
    assert (machine.cores, machine.memory_bytes) == (1, 300 * MIB)


@pytest.mark.parametrize("name", ["/system.slice/docker-1234.scope", "/../../outside"])
def test_a_group_that_is_not_to_be_seen_limits_nothing(tmp_path: Path, name: str) -> None:
    cgroup = tmp_path / "a" / "b" / "cgroup"
    cgroup.mkdir(parents=True)
    (tmp_path / "a" / "outside").mkdir()
    (tmp_path / "a" / "outside" / "memory.max").write_text("1\n")
    (cgroup / "memory.max").write_text(f"{300 * MIB}\n")
    assert this_machine(cgroup, of_group(tmp_path, name)).memory_bytes == 300 * MIB
