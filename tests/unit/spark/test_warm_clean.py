"""A warm JVM that is not to be trusted is not connected to."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tauro.launch.processes import is_running, this_process
from tauro.launch.warm.place import is_supported
from tauro.launch.warm.state import Phase
from tauro.spark import warm_clean
from tauro.spark.warm_clean import connect, fence_run
from tauro.spark.warm_control import NotFreshError
from tests.support.warm_standin import standin

pytestmark = pytest.mark.skipif(not is_supported(), reason="warm JVMs are kept on Linux")


def test_one_that_ran_out_of_memory_is_not_used_again(tmp_path: Path) -> None:
    with standin(tmp_path) as one:
        state = one.start()
        with one.place.log.open("a") as log:
            log.write("26/01/01 00:00:00 ERROR Executor: java.lang.OutOfMemoryError: Java heap space\n")
        with pytest.raises(NotFreshError, match="ran out of memory"):
            connect(one.place, state)


def test_one_whose_port_is_somebody_elses_is_not_spoken_to(tmp_path: Path) -> None:
    with standin(tmp_path) as one:
        state = one.start()
        with pytest.raises(NotFreshError, match="does not listen"):
            connect(one.place, replace(state, port=1))


def test_a_dead_run_is_fenced_by_a_later_one_that_began_with_that(tmp_path: Path) -> None:
    with standin(tmp_path) as one:
        state = one.start(phase=Phase.RUNNING)
        assert fence_run(one.place, state, dead=replace(this_process(), started=1)) is True


def test_a_dead_run_in_a_jvm_that_does_not_answer_is_not_fenced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_clean, "Control", partial(warm_clean.Control, answers_within_s=0.2))
    with standin(tmp_path) as one:
        state = one.start(phase=Phase.RUNNING)
        assert fence_run(one.place, state, dead=this_process()) is False


def test_one_that_stands_still_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_clean, "Control", partial(warm_clean.Control, answers_within_s=0.2))
    with standin(tmp_path) as one:
        state = one.start()
        os.kill(state.jvm.pid, signal.SIGSTOP)
        try:
            with pytest.raises(NotFreshError, match="does not answer as it should"):
                connect(one.place, state)
        finally:
            os.kill(state.jvm.pid, signal.SIGCONT)


def test_a_jvm_that_stands_still_is_ended_for_the_next(tmp_path: Path) -> None:
    with standin(tmp_path) as one:
        state = one.start()
        os.kill(state.jvm.pid, signal.SIGSTOP)
        assert one.start(one.wanted(environment={"OWN": "1"})).is_alive
        assert is_running(state.jvm) is False
