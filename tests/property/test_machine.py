"""The run state machine against a model that is too simple to be wrong."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tauro.model.outcome import FailureKind, Status
from tauro.model.settings import BreakerSpec, OnFailure, RetrySpec
from tauro.scheduling.machine import RunMachine

DONE = {Status.COMPLETED, Status.SKIPPED}
LOST = {Status.FAILED, Status.CANCELLED}


class MachineAgainstModel(RuleBasedStateMachine):
    """The model recomputes everything from scratch after each step."""

    @initialize(
        on_failure=st.sampled_from(OnFailure),
        shape=st.lists(st.tuples(st.sets(st.integers(0, 9), max_size=3), st.integers(0, 2)), min_size=1, max_size=8),
        is_backwards=st.booleans(),
    )
    def begin(self, on_failure: OnFailure, shape: list[tuple[set[int], int]], is_backwards: bool) -> None:
        self.stops = on_failure is OnFailure.STOP
        self.machine = RunMachine(on_failure, BreakerSpec(threshold=1000))
        self.now = 0.0
        self.halted = False
        self.needs = {f"n{at}": {f"n{one}" for one in needs if one < at} for at, (needs, _) in enumerate(shape)}
        self.retries = {f"n{at}": retries for at, (_, retries) in enumerate(shape)}
        self.status = dict.fromkeys(self.needs, Status.PENDING)
        self.attempts = dict.fromkeys(self.needs, 0)
        self.due = dict.fromkeys(self.needs, 0.0)
        for name in reversed(list(self.needs)) if is_backwards else list(self.needs):
            retry = RetrySpec(retries=self.retries[name], backoff_s=5)
            assert self.machine.add(name, sorted(self.needs[name]), retry) == []

    def startable(self) -> set[str]:
        return {
            name
            for name, status in self.status.items()
            if (status is Status.PENDING and all(self.status[one] in DONE for one in self.needs[name]))
            or (status is Status.RETRYING and self.due[name] <= self.now)
        }

    def settle(self) -> None:
        """What the model says follows from failures and halts."""
        changed = True
        while changed:
            changed = False
            for name, status in self.status.items():
                lost = status is Status.PENDING and any(self.status[one] in LOST for one in self.needs[name])
                if lost or (self.halted and status in (Status.PENDING, Status.RETRYING)):
                    self.status[name] = Status.CANCELLED
                    changed = True

    def pick(self, data: st.DataObject, *statuses: Status) -> str:
        return data.draw(st.sampled_from([name for name, one in self.status.items() if one in statuses]))

    @rule(data=st.data())
    def ask_any_to_start(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.status)))
        expected = name in self.startable()
        assert self.machine.start(name, self.now) is expected
        if expected:
            self.status[name] = Status.RUNNING
            self.attempts[name] += 1

    @rule()
    def start_the_next(self) -> None:
        name = self.machine.next_ready(self.now)
        assert (name is None) == (not self.startable())
        if name is not None:
            assert name in self.startable()
            assert self.machine.start(name, self.now)
            self.status[name] = Status.RUNNING
            self.attempts[name] += 1

    @precondition(lambda self: Status.RUNNING in self.status.values())
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        name = self.pick(data, Status.RUNNING)
        self.machine.complete(name, self.now)
        self.status[name] = Status.COMPLETED

    @precondition(lambda self: Status.RUNNING in self.status.values())
    @rule(data=st.data(), kind=st.sampled_from(FailureKind))
    def fail(self, data: st.DataObject, kind: FailureKind) -> None:
        name = self.pick(data, Status.RUNNING)
        self.machine.fail(name, kind, self.now, jitter=1)
        again = kind is not FailureKind.PERMANENT and self.attempts[name] <= self.retries[name] and not self.halted
        self.status[name] = Status.RETRYING if again else Status.FAILED
        self.due[name] = self.now + 5 * 2 ** (self.attempts[name] - 1)
        self.halted = self.halted or (self.stops and not again)
        self.settle()

    @precondition(lambda self: {Status.RUNNING, Status.PENDING, Status.RETRYING} & set(self.status.values()))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = self.pick(data, Status.RUNNING, Status.PENDING, Status.RETRYING)
        self.machine.cancel(name, "as asked")
        self.status[name] = Status.CANCELLED
        self.settle()

    @precondition(lambda self: Status.PENDING in self.status.values())
    @rule(data=st.data())
    def skip(self, data: st.DataObject) -> None:
        name = self.pick(data, Status.PENDING)
        self.machine.skip(name, "as asked")
        self.status[name] = Status.SKIPPED

    @rule(seconds=st.sampled_from([1.0, 5.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def halt(self) -> None:
        self.machine.halt("as asked")
        self.halted = True
        self.settle()

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "machine"):
            return
        self.machine.check()
        assert {name: self.machine.status_of(name) for name in self.status} == self.status
        assert {name: self.machine.task(name).attempts for name in self.status} == self.attempts
        assert self.machine.is_over is all(status.is_final for status in self.status.values())


TestMachineAgainstModel = MachineAgainstModel.TestCase
TestMachineAgainstModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
