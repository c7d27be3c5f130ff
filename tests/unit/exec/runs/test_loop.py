"""The loop that drives a run: parallel, bounded, never waiting longer than needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from threading import Barrier, Event, Lock, Thread
from typing import Any

import pytest

from tauro.errors import NodeError, NodeTimeoutError
from tauro.exec.nodes.attempt import Attempt
from tauro.exec.runs import loop as run_loop
from tauro.exec.runs.loop import RunLoop, RunOutcome
from tauro.model.events import BreakerOpened, NodeEnded, NodeRetrying, NodeStarted
from tauro.model.outcome import OutputResult, ReadVersion, Status
from tauro.model.settings import BreakerSpec, OnFailure, RetrySpec
from tauro.scheduling.machine import RunMachine

WAIT_S = 10
"""How long a test waits for what has to come at once."""
Function = Callable[[Attempt], object]


class FakeWork:
    """Calls a function for each node; those without one return at once."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.functions = functions
        self.began: list[str] = []
        self.ends: list[str] = []
        self.cancels: list[Attempt] = []
        self.most = 0
        self._now = 0
        self._lock = Lock()

    def attempt(self, attempt: Attempt) -> tuple[OutputResult, ...]:
        with self._lock:
            self.began.append(attempt.node)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            function = self.functions.get(attempt.node)
            if function is not None:
                function(attempt)
        finally:
            with self._lock:
                self._now -= 1
        return (OutputResult(f"of {attempt.node}", "parquet", rows=attempt.number),)

    def cancel(self, attempt: Attempt) -> None:
        self.cancels.append(attempt)

    def reads(self, node: str) -> tuple[ReadVersion, ...]:
        return ()

    def ended(self, node: str) -> None:
        self.ends.append(node)


class Run:
    """A run of fake nodes, in a thread of its own when it is begun."""

    def __init__(self, machine: RunMachine, work: FakeWork, **keywords: Any) -> None:
        self.machine, self.work = machine, work
        self.events: list[Any] = []
        observers = [self.events.append, *keywords.pop("observers", ())]
        self.loop = RunLoop(machine, work, observers=observers, **{"max_workers": 4, **keywords})
        self.outcome: RunOutcome | None = None
        self.error: BaseException | None = None
        self._thread = Thread(target=self._drive, daemon=True)

    def _drive(self) -> None:
        try:
            self.outcome = self.loop.run()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.error = error

    def begin(self) -> Run:
        self._thread.start()
        return self

    def end(self) -> dict[str, str]:
        """Node -> its status, once the run is over."""
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the run does not end"
        if self.error is not None:
            raise self.error
        assert self.outcome is not None
        return {name: result.status.value for name, result in sorted(self.outcome.nodes.items())}

    def through(self) -> dict[str, str]:
        return self.begin().end()


Start = Callable[..., Run]


@pytest.fixture
def make_run() -> Iterator[Start]:
    """Makes a run of `needs` (node -> its dependencies); what must hold of each machine is checked on teardown."""
    machines: list[RunMachine] = []

    def make(
        needs: Mapping[str, str],
        functions: Mapping[str, Function] | None = None,
        *,
        on_failure: str = "stop",
        breaker: BreakerSpec | None = None,
        retry: RetrySpec | None = None,
        ranks: Mapping[str, int] | None = None,
        **keywords: Any,
    ) -> Run:
        machine = RunMachine(OnFailure(on_failure), breaker)
        machines.append(machine)
        for name, before in needs.items():
            machine.add(name, before.split(), retry, (ranks or {}).get(name, 0))
        return Run(machine, FakeWork(functions or {}), **keywords)

    yield make
    for machine in machines:
        machine.check()


def fails(error: Exception, times: int = 1000) -> Function:
    def function(attempt: Attempt) -> None:
        if attempt.number <= times:
            raise error

    return function


def waits(event: Event) -> Function:
    def function(attempt: Attempt) -> None:
        assert event.wait(WAIT_S), "nobody set the event"

    return function


def waits_to_be_called_off(begun: Event | None = None) -> Function:
    """Ends as a Spark action does whose job is cancelled."""

    def function(attempt: Attempt) -> None:
        if begun is not None:
            begun.set()
        until = time.monotonic() + WAIT_S
        while attempt.cancelled is None and time.monotonic() < until:
            time.sleep(0.005)
        attempt.check()

    return function


class TestOrder:
    def test_nodes_run_in_parallel(self, make_run: Start) -> None:
        together = Barrier(3)
        run = make_run(dict.fromkeys("abc", ""), dict.fromkeys("abc", lambda attempt: together.wait(WAIT_S)))
        assert run.through() == {"a": "completed", "b": "completed", "c": "completed"}

    def test_a_node_starts_the_moment_its_own_dependencies_are_done(self, make_run: Start) -> None:
        last_began = Event()
        needs = {"slow": "", "a": "", "b": "a", "c": "b"}
        run = make_run(needs, {"slow": waits(last_began), "c": lambda attempt: last_began.set()})
        assert set(run.through().values()) == {"completed"}  # with a barrier after each layer `slow` would wait for c

    def test_never_more_than_max_workers_run_at_once(self, make_run: Start) -> None:
        together = Barrier(3)  # breaks unless three run at once each time
        names = [f"n{at}" for at in range(30)]
        run = make_run(
            dict.fromkeys(names, ""), dict.fromkeys(names, lambda attempt: together.wait(WAIT_S)), max_workers=3
        )
        assert set(run.through().values()) == {"completed"}
        assert run.work.most == 3

    def test_one_worker_runs_one_after_the_other_in_order(self, make_run: Start) -> None:
        run = make_run({"c": "", "a": "", "d": "a", "b": ""}, max_workers=1)
        run.through()
        assert run.work.began == ["c", "a", "d", "b"]

    def test_the_longest_remaining_path_goes_first(self, make_run: Start) -> None:
        run = make_run({"a": "", "b": "", "c": "b"}, ranks={"a": 1, "b": 2, "c": 1}, max_workers=1)
        run.through()
        assert run.work.began == ["b", "a", "c"]

    def test_a_thousand_nodes_take_no_time_worth_naming(self, make_run: Start) -> None:
        names = [f"n{at}" for at in range(1000)]
        run = make_run({name: " ".join(names[max(0, at - 1) : at]) for at, name in enumerate(names)})
        assert set(run.through().values()) == {"completed"}
        assert run.work.began == names


class TestRetries:
    def test_a_failure_is_tried_again_after_its_pause(self, make_run: Start) -> None:
        run = make_run({"a": ""}, {"a": fails(RuntimeError("once"), 2)}, retry=RetrySpec(retries=2, backoff_s=0.01))
        assert run.through() == {"a": "completed"}
        assert run.outcome is not None
        assert run.outcome.nodes["a"].attempts == 3
        assert run.outcome.nodes["a"].outputs[0].rows == 3  # those of the attempt that succeeded
        assert run.outcome.errors == {}
        told = [event for event in run.events if isinstance(event, NodeRetrying)]
        assert [(one.node, one.attempt, one.error.message) for one in told] == [("a", 1, "once"), ("a", 2, "once")]

    def test_the_pause_is_backoff_with_jitter(self, make_run: Start) -> None:
        run = make_run(
            {"a": ""},
            {"a": fails(RuntimeError("twice"), 2)},
            retry=RetrySpec(retries=2, backoff_s=0.02),
            jitter=lambda: 0.5,
        )
        run.through()
        told = [event.delay_s for event in run.events if isinstance(event, NodeRetrying)]
        assert told == pytest.approx([0.015, 0.03])

    def test_a_worker_is_free_while_a_node_waits_for_its_retry(self, make_run: Start) -> None:
        retried_after: list[str] = []

        def second_try(attempt: Attempt) -> None:
            if attempt.number == 1:
                raise RuntimeError("once")
            retried_after.extend(run.work.began)

        run = make_run(
            {"a": "", "b": "", "c": "b"},
            {"a": second_try},
            retry=RetrySpec(retries=1, backoff_s=0.1),
            max_workers=1,
        )
        run.through()
        assert retried_after == ["a", "b", "c", "a"]

    def test_a_permanent_failure_is_not_tried_again(self, make_run: Start) -> None:
        run = make_run({"a": ""}, {"a": fails(ImportError("nowhere"))}, retry=RetrySpec(retries=5, backoff_s=0))
        assert run.through() == {"a": "failed"}
        assert run.work.began == ["a"]

    def test_the_last_error_tells_node_attempt_pipeline_and_cause(self, make_run: Start) -> None:
        root = ConnectionResetError("the login was hunter2")
        run = make_run(
            {"a": ""},
            {"a": fails(root)},
            retry=RetrySpec(retries=1, backoff_s=0),
            pipeline="daily",
            redact=lambda text: text.replace("hunter2", "***"),
        )
        run.through()
        assert run.outcome is not None
        error, result = run.outcome.errors["a"], run.outcome.nodes["a"]
        assert isinstance(error, NodeError)
        assert (error.node, error.attempt, error.pipeline) == ("a", 2, "daily")
        assert 0 <= error.duration_s < WAIT_S
        assert error.__cause__ is root
        assert "hunter2" not in str(error)
        assert result.error is not None
        assert (result.error.type, result.error.message) == ("ConnectionResetError", "the login was ***")
        assert (result.error.node, result.error.attempt, result.error.kind) == ("a", 2, "transient")
        assert "hunter2" not in (result.error.cause or "")
        assert "in function" in (result.error.cause or "")


class TestFailures:
    def test_stop_lets_what_runs_finish_and_starts_nothing_new(self, make_run: Start) -> None:
        failed, begun = Event(), Event()

        def runs(attempt: Attempt) -> None:
            begun.set()
            assert failed.wait(WAIT_S)

        def breaks(attempt: Attempt) -> None:
            assert begun.wait(WAIT_S)
            raise ValueError("wrong")

        run = make_run(
            {"breaks": "", "runs": "", "after breaks": "breaks", "after runs": "runs", "apart": ""},
            {"breaks": breaks, "runs": runs},
            max_workers=2,
            observers=[lambda event: failed.set() if _is_end_of(event, "breaks") else None],
        )
        assert run.through() == {
            "after breaks": "cancelled",
            "after runs": "cancelled",
            "apart": "cancelled",
            "breaks": "failed",
            "runs": "completed",
        }
        assert sorted(run.work.began) == ["breaks", "runs"]

    def test_continue_goes_on_with_independent_branches(self, make_run: Start) -> None:
        run = make_run(
            {"breaks": "", "after": "breaks", "far after": "after", "apart": "", "after apart": "apart"},
            {"breaks": fails(ValueError("wrong"))},
            on_failure="continue",
            max_workers=1,
        )
        assert run.through() == {
            "after": "cancelled",
            "after apart": "completed",
            "apart": "completed",
            "breaks": "failed",
            "far after": "cancelled",
        }
        assert run.outcome is not None
        assert run.outcome.nodes["after"].note == "'breaks' failed"
        assert run.outcome.nodes["after"].attempts == 0

    def test_errors_come_in_the_order_of_failing(self, make_run: Start) -> None:
        first_failed = Event()
        run = make_run(
            {"late": "", "early": ""},
            {
                "late": lambda attempt: first_failed.wait(WAIT_S) and fails(ValueError("second"))(attempt),
                "early": fails(ValueError("first")),
            },
            on_failure="continue",
            observers=[lambda event: first_failed.set() if _is_end_of(event, "early") else None],
        )
        run.through()
        assert run.outcome is not None
        assert list(run.outcome.errors) == ["early", "late"]

    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
    def test_a_node_that_raises_anything_at_all_fails(self, make_run: Start, error: Exception) -> None:
        assert make_run({"a": ""}, {"a": fails(error)}).through() == {"a": "failed"}

    def test_every_node_is_released_once_it_is_at_its_end(self, make_run: Start) -> None:
        run = make_run({"a": "", "b": "a", "c": "b"}, {"b": fails(ValueError())})
        run.through()
        assert run.work.ends == ["a", "b", "c"]

    def test_the_breaker_opens_across_nodes_and_half_opens(self, make_run: Start) -> None:
        names = "abcdef"
        broken = {name: fails(RuntimeError("down")) for name in "abc"}
        run = make_run(
            dict.fromkeys(names, ""),
            broken,
            on_failure="continue",
            breaker=BreakerSpec(threshold=3, reset_s=0.1),
            max_workers=1,
        )
        before = time.monotonic()
        assert run.through() == {"a": "failed", "b": "failed", "c": "failed"} | dict.fromkeys("def", "completed")
        assert time.monotonic() - before >= 0.1
        (opened,) = [event for event in run.events if isinstance(event, BreakerOpened)]
        assert (opened.failures, opened.reset_s) == (3, 0.1)
        order = [event for event in run.events if isinstance(event, BreakerOpened | NodeStarted)]
        assert order.index(opened) == 3

    def test_permanent_failures_leave_the_breaker_closed(self, make_run: Start) -> None:
        run = make_run(
            dict.fromkeys("abcde", ""),
            {name: fails(ImportError()) for name in "abcd"},
            on_failure="continue",
            breaker=BreakerSpec(threshold=1, reset_s=1000),
            max_workers=1,
        )
        assert run.through()["e"] == "completed"


def _is_end_of(event: object, node: str) -> bool:
    return isinstance(event, NodeEnded) and event.result.name == node


class TestTimeouts:
    def test_an_attempt_that_takes_too_long_is_cancelled_and_tried_again(self, make_run: Start) -> None:
        def slow_once(attempt: Attempt) -> None:
            if attempt.number == 1:
                waits_to_be_called_off()(attempt)

        run = make_run({"a": ""}, {"a": slow_once}, timeouts={"a": 0.05}, retry=RetrySpec(retries=1, backoff_s=0.01))
        assert run.through() == {"a": "completed"}
        assert {attempt.number for attempt in run.work.cancels} == {1}
        (told,) = [event for event in run.events if isinstance(event, NodeRetrying)]
        assert told.error.type == "NodeTimeoutError"
        assert told.error.kind == "transient"
        assert "took longer than 0.05 s" in told.error.message

    def test_without_retries_a_timeout_is_the_nodes_error(self, make_run: Start) -> None:
        run = make_run({"a": "", "b": "a"}, {"a": waits_to_be_called_off()}, timeouts={"a": 0.05})
        assert run.through() == {"a": "failed", "b": "cancelled"}
        assert run.outcome is not None
        assert isinstance(run.outcome.errors["a"].__cause__, NodeTimeoutError)

    def test_the_cancelling_is_repeated_until_the_attempt_ends(
        self, make_run: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_loop, "CANCEL_EVERY_S", 0.01)
        third = Event()

        def ends_by_the_third_cancel(attempt: Attempt) -> None:
            assert third.wait(WAIT_S)
            attempt.check()

        run = make_run({"a": ""}, {"a": ends_by_the_third_cancel}, timeouts={"a": 0.01})

        class Cancels(list[Attempt]):
            def append(self, attempt: Attempt) -> None:
                super().append(attempt)
                if len(self) == 3:
                    third.set()

        run.work.cancels = Cancels()
        assert run.through() == {"a": "failed"}
        assert len(run.work.cancels) >= 3

    def test_what_publishes_already_is_let_finish(self, make_run: Start) -> None:
        def publishes(attempt: Attempt) -> None:
            attempt.begin_publishing()
            time.sleep(0.1)

        run = make_run({"a": ""}, {"a": publishes}, timeouts={"a": 0.02})
        assert run.through() == {"a": "completed"}
        assert run.work.cancels == []

    def test_a_node_that_never_ends_does_not_keep_the_run_from_ending(
        self, make_run: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_loop, "GIVE_UP_AFTER_S", 0.1)
        never = Event()
        run = make_run(
            {"endless": "", "after": "endless", "apart": ""},
            {"endless": lambda attempt: never.wait()},
            timeouts={"endless": 0.02},
            retry=RetrySpec(retries=3, backoff_s=0),
            on_failure="continue",
            max_workers=1,
        )
        assert run.through() == {"after": "cancelled", "apart": "completed", "endless": "failed"}
        assert run.outcome is not None
        assert "can't be stopped" in str(run.outcome.errors["endless"].__cause__)
        told = run.outcome.nodes["endless"].error
        assert told is not None
        assert told.kind == "permanent"
        assert run.work.began.count("endless") == 1  # no other attempt runs beside it
        never.set()


class TestStopping:
    def test_a_stop_from_another_thread_cancels_what_runs_and_what_would_have(self, make_run: Start) -> None:
        begun = Event()
        run = make_run({"a": "", "b": "a", "c": ""}, {"a": waits_to_be_called_off(begun)}, max_workers=1).begin()
        assert begun.wait(WAIT_S)
        run.loop.stop("Ctrl-C")
        assert run.end() == {"a": "cancelled", "b": "cancelled", "c": "cancelled"}
        assert run.outcome is not None
        assert run.outcome.stopped == "Ctrl-C"
        assert run.outcome.errors == {}
        assert run.work.cancels

    def test_a_stop_ends_the_wait_for_a_retry(self, make_run: Start) -> None:
        retrying = Event()
        run = make_run(
            {"a": ""},
            {"a": fails(RuntimeError())},
            retry=RetrySpec(retries=1, backoff_s=1000),
            observers=[lambda event: retrying.set() if isinstance(event, NodeRetrying) else None],
        ).begin()
        assert retrying.wait(WAIT_S)
        run.loop.stop("Ctrl-C")
        assert run.end() == {"a": "cancelled"}

    def test_a_stop_ends_the_wait_for_an_open_breaker(self, make_run: Start) -> None:
        opened = Event()
        run = make_run(
            {"a": "", "b": ""},
            {"a": fails(RuntimeError())},
            on_failure="continue",
            breaker=BreakerSpec(threshold=1, reset_s=1000),
            max_workers=1,
            observers=[lambda event: opened.set() if isinstance(event, BreakerOpened) else None],
        ).begin()
        assert opened.wait(WAIT_S)
        run.loop.stop("Ctrl-C")
        assert run.end() == {"a": "failed", "b": "cancelled"}

    def test_a_stop_lets_what_publishes_finish(self, make_run: Start) -> None:
        publishing, go_on = Event(), Event()

        def publishes(attempt: Attempt) -> None:
            attempt.begin_publishing()
            publishing.set()
            assert go_on.wait(WAIT_S)

        run = make_run({"a": "", "b": "a"}, {"a": publishes}).begin()
        assert publishing.wait(WAIT_S)
        run.loop.stop("Ctrl-C")
        go_on.set()
        assert run.end() == {"a": "completed", "b": "cancelled"}

    def test_a_stop_before_the_run_keeps_all_from_being_published(self, make_run: Start) -> None:
        def publishes(attempt: Attempt) -> None:
            time.sleep(0.05)
            attempt.begin_publishing()

        run = make_run({"a": "", "b": "a"}, {"a": publishes})
        run.loop.stop("at once")
        assert run.through() == {"a": "cancelled", "b": "cancelled"}

    def test_a_node_that_does_not_hear_is_given_up(self, make_run: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_loop, "GIVE_UP_AFTER_S", 0.1)
        begun, never = Event(), Event()

        def deaf(attempt: Attempt) -> None:
            begun.set()
            never.wait()

        run = make_run({"a": ""}, {"a": deaf}).begin()
        assert begun.wait(WAIT_S)
        run.loop.stop("Ctrl-C")
        assert run.end() == {"a": "cancelled"}
        assert run.outcome is not None
        assert "did not end by itself" in (run.outcome.nodes["a"].note or "")
        never.set()

    def test_an_observer_that_fails_ends_the_run_and_nothing_publishes_after_it(self, make_run: Start) -> None:
        heard: list[str] = []
        ended = Event()

        def publishes_late(attempt: Attempt) -> None:
            until = time.monotonic() + WAIT_S
            while attempt.cancelled is None and time.monotonic() < until:
                time.sleep(0.005)
            try:
                attempt.begin_publishing()
                heard.append("published")
            finally:
                ended.set()

        def breaks(event: object) -> None:
            if isinstance(event, NodeEnded):
                raise LookupError("observer")

        run = make_run({"slow": "", "quick": ""}, {"slow": publishes_late}, observers=[breaks]).begin()
        with pytest.raises(LookupError):
            run.end()
        assert ended.wait(WAIT_S)
        assert heard == []
        assert [attempt.node for attempt in run.work.cancels] == ["slow"]


def test_events_tell_the_run_in_order(make_run: Start) -> None:
    run = make_run({"a": "", "b": "a"}, max_workers=1)
    run.through()
    told = [
        (type(event).__name__, event.node if isinstance(event, NodeStarted) else event.result.name)
        for event in run.events
    ]
    assert told == [("NodeStarted", "a"), ("NodeEnded", "a"), ("NodeStarted", "b"), ("NodeEnded", "b")]
    last = run.events[-1].result
    assert (last.status, last.attempts, last.outputs[0].id) == (Status.COMPLETED, 1, "of b")
