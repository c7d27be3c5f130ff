"""Machines whose invariants are checked when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tauro.scheduling.machine import RunMachine


@pytest.fixture
def make_machine() -> Iterator[Callable[..., RunMachine]]:
    """Makes machines; what must always hold of each is checked on teardown."""
    made: list[RunMachine] = []

    def make(*args: Any, **keywords: Any) -> RunMachine:
        made.append(RunMachine(*args, **keywords))
        return made[-1]

    yield make
    for machine in made:
        machine.check()


@pytest.fixture
def machine(make_machine: Callable[..., RunMachine]) -> RunMachine:
    """A machine as a run has it that says nothing."""
    return make_machine()
