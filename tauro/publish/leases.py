"""The leases of a run: all of them taken before its first write, kept alive, asked before it publishes, given back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING

from loguru import logger

from tauro.errors import LeaseLostError, OutputHeldError, RunInterruptedError, WriteError
from tauro.launch.processes import Process, jvm_of_this_process, this_process
from tauro.publish.fencing import fence
from tauro.publish.holder import Holder, exclude_each_other
from tauro.publish.journal import Journal
from tauro.publish.liveness import Life, Watch, held_here
from tauro.publish.targets import Target
from tauro.spark.remote import RemoteSession, remote_session_of, remote_session_of_this_process
from tauro.storage.place import Place, Session, no_session, place_of
from tauro.storage.steps import step

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S, _STEP_S = 0.05, 1.0, 0.1


@dataclass(frozen=True, slots=True)
class _Judged:
    """The holders of an output, as one that wants it sees them."""

    others: tuple[Holder, ...] = ()
    """They live, and hold other parts."""
    replaced: tuple[Holder, ...] = ()
    """They are dead and have left nothing, or are this run as it was before it died."""
    left: tuple[Holder, ...] = ()
    """They are dead or have ended, and left something behind that has to be seen to first."""
    blocked: tuple[Holder, Life] | None = None
    """One that lives, or may, and holds some of what is wanted."""


class Leases:
    """What a run holds.

    Args:
        run_id: the run's id.
        pipeline: its pipeline; None if it belongs to none.
        watch: tells whether other runs live, and which machine this is.
        jvm: the JVM that this process has started, if any.
        home: where the run's journal lies; None if it keeps none.
        settle: ends what a dead run has left behind; told whether it is in the way, and its leases are to go with it.
        session: opens a session, or returns the one that is open; called where a dead run's journal is remote, or its
            work goes on on a Spark Connect server.
    """

    def __init__(
        self,
        run_id: str,
        pipeline: str | None = None,
        *,
        home: Place | None = None,
        settle: Callable[[Holder, bool], bool] | None = None,
        session: Session = no_session,
        watch: Watch | None = None,
        jvm: Callable[[], Process | None] = jvm_of_this_process,
    ) -> None:
        self._run_id = run_id
        self._pipeline = pipeline
        self._watch = watch or Watch()
        self._jvm = jvm
        self.home = home
        self._settle = settle
        self._session = session
        self._remote: RemoteSession | None = None
        """The session that the run has on a server, as far as it is known."""
        self._noted: tuple[Process | None, RemoteSession | None] = (None, None)
        """The JVM, and the session on a server, as the lease files tell them."""
        self._held: dict[str, Target] = {}  # token -> what it stands for
        self._lost: set[str] = set()
        self._settled: set[str] = set()  # tokens of dead runs that hold other parts
        self._lock = Lock()
        """Held while files are renewed."""
        self._over = Event()
        self._heart: Thread | None = None

    def __enter__(self) -> Leases:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(
        self,
        targets: Sequence[Target],
        *,
        wait_s: float = 0.0,
        stopped: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Takes the leases of all targets, or none; those of dead runs are taken over.

        Args:
            targets: in the order of `targets_of`.
            wait_s: how long to wait for runs that hold one of them.
            stopped: why waiting is to end; None as long as it is not.

        Raises:
            OutputHeldError: a run that lives holds one of them.
            RunInterruptedError: `stopped` has told a reason.
            WriteError: a lease can't be written.
        """
        deadline = self._watch.clock() + wait_s
        pause_s, is_told = _SHORTEST_PAUSE_S, False
        self._noted = self._spark()
        while True:
            try:
                judged = self._look_at_all(targets)
                if judged is None:
                    judged = self._take_all(targets)
                if judged is None:
                    break
                target, found = judged
                for holder in found.left if found.blocked is None else ():
                    self._end(holder, target)
            except BaseException:
                self.release()
                raise
            if found.blocked is None:
                continue
            holder, life = found.blocked
            if life is Life.ALIVE and self._watch.clock() >= deadline:
                self.release()
                raise _held_error(target, holder, wait_s)
            if not is_told:
                _tell_waiting(target, holder, life, wait_s, self._watch.ttl_s)
                is_told = True
            self._pause(pause_s, stopped)
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        if self._held and self._heart is None:
            self._heart = Thread(target=self._beat, name="tauro-leases", daemon=True)
            self._heart.start()

    def check(self) -> None:
        """Refuses late writes: to be asked right before anything becomes visible.

        Raises:
            LeaseLostError: another run took this one for dead, and may have written since.
        """
        for token, target in list(self._held.items()):
            if token not in self._lost and self._is_ours(token, target):
                continue
            self._lost.add(token)
            raise LeaseLostError(
                f"this run has lost its lease of output {target.output!r} ({target.location}): it did not show for "
                f"{self._watch.ttl_s:g} s that it was alive, and another run took it for dead",
                fix="run it again; nothing was published under the lost lease",
            )

    def note_session(self, session: SparkSession | None) -> None:
        """Tells others where this process has Spark work by now: they end that if this process dies.

        Args:
            session: the run's; None if it needs none.
        """
        self._remote = remote_session_of(session) if session is not None else None
        if self._held and self._spark() != self._noted:
            self.renew()

    def renew(self) -> None:
        """One heartbeat: shows that this run lives, and finds out what it has lost."""
        with self._lock:
            spark = self._spark()
            for token, target in list(self._held.items()):
                if self._over.is_set():
                    return
                with suppress(OSError):  # a full disk, a server that is away: the next beat may do
                    self._renew(token, target, *spark)
            self._noted = spark

    def release(self) -> None:
        """Gives everything back; doing it again changes nothing."""
        self._let_go(self._give_back)

    def abandon(self) -> None:
        """Holds nothing any more, and lets whoever comes next know what the run has staged."""
        self._let_go(self._mark_abandoned)

    def _let_go(self, one_of_them: Callable[[str, Target], None]) -> None:
        self._over.set()
        if self._heart is not None:
            self._heart.join()
            self._heart = None
        while self._held:
            token, target = self._held.popitem()
            held_here.discard(token)
            try:
                one_of_them(token, target)
            except OSError as error:
                logger.warning("the lease of output {!r} can't be given back: {}", target.output, error)

    def _look_at_all(self, targets: Sequence[Target]) -> tuple[Target, _Judged] | None:
        """Who stands in the way; so that a run that waits for one output does not take the others now and then."""
        in_the_way: tuple[Target, _Judged] | None = None
        for target in targets:
            read_after = self._watch.clock()
            with suppress(ValueError, OSError):  # taking it tells of these
                judged = self._judge(target, target.place.holders(), read_after)
                if judged.blocked is not None:
                    return target, judged
                if judged.left:
                    in_the_way = in_the_way or (target, judged)
        return in_the_way

    def _take_all(self, targets: Sequence[Target]) -> tuple[Target, _Judged] | None:
        """Takes all; or none of them, and tells which one stood in the way."""
        taken: list[str] = []
        for target in targets:
            try:
                judged = self._take(target, taken)
            except OSError as error:
                raise WriteError(
                    f"can't take the lease of {target.location}: {error}",
                    where=f"output {target.output!r}",
                    fix=f"let this user write to {target.place.home}, or choose another place for the output",
                ) from error
            if judged is not None:
                for token in taken:
                    self._give_back(token, self._held.pop(token))
                return target, judged
        return None

    def _take(self, target: Target, taken: list[str]) -> _Judged | None:
        """Takes one, and adds its token to `taken`; or tells what stands in the way."""
        place, token = target.place, uuid.uuid4().hex
        with place.changing():
            read_after = self._watch.clock()
            try:
                holders = place.holders()
            except ValueError:
                logger.warning("{} is no lease that can be read: nobody holds output {!r}", place.name, target.output)
                holders = ()
            judged = self._judge(target, holders, read_after)
            if judged.blocked is not None or judged.left:
                return judged
            for holder in judged.replaced:
                self._end(holder, target)
            held_here.add(token)
            self._held[token] = target  # before it is written: an interrupt in between must not leave it behind
            taken.append(token)
            step("lease.take")
            place.put([*judged.others, self._entry(token, target)])
        return None

    def _judge(self, target: Target, holders: Sequence[Holder], read_after: float) -> _Judged:
        others: list[Holder] = []
        replaced: list[Holder] = []
        left: list[Holder] = []
        for holder in holders:
            is_own = holder.run_id == self._run_id
            excludes = exclude_each_other(holder.span, target.span)
            if holder.is_abandoned:
                is_left = not is_own and self._has_left(holder)
                (replaced if not is_left else left if excludes else others).append(holder)
                continue
            is_here = self._watch.here.shares_processes_with(holder.machine)
            life = self._watch.life_of(holder, read_after) if excludes or is_here else Life.UNKNOWN
            if life is Life.DEAD:
                is_left = not is_own and self._has_left(holder)
                is_due = excludes or holder.token not in self._settled
                (replaced if not is_left else left if is_due else others).append(holder)
            elif excludes:
                return _Judged(blocked=(holder, life))
            else:
                others.append(holder)
        return _Judged(tuple(others), tuple(replaced), tuple(left))

    def _has_left(self, holder: Holder) -> bool:
        """Whether a dead run may have left something that has to be seen to."""
        if holder.home is None or self._settle is None:
            return False
        journal = self._journal_at(holder.home)
        return journal.exists or not journal.is_reachable

    def _journal_at(self, home: str) -> Journal:
        return Journal(place_of(home, self._session))

    def _end(self, holder: Holder, target: Target) -> None:
        """Ends what a dead run has left behind: its JVM, and, where it keeps a journal, what that tells of."""
        is_ended = not holder.is_abandoned and fence(
            holder, self._watch.here, output=target.output, location=target.location, session=self._session
        )
        is_told = False
        if self._settle is not None and holder.run_id != self._run_id and holder.home is not None:
            if self._has_left(holder):
                is_told = self._settle(holder, exclude_each_other(holder.span, target.span))
                self._settled.add(holder.token)
            else:
                self._journal_at(holder.home).clear()
        if not (holder.is_abandoned or is_told):
            ended = "; its work in Spark has ended" if is_ended else ""
            logger.warning("output {!r}: took over the lease of {}, which is dead{}", target.output, holder, ended)

    def _entry(self, token: str, target: Target) -> Holder:
        here = self._watch.here
        return Holder(
            token=token,
            run_id=self._run_id,
            pipeline=self._pipeline,
            host=here.host,
            boot=here.boot,
            namespace=here.namespace,
            process=this_process(),
            jvm=self._noted[0],
            remote=self._noted[1],
            since=datetime.now(UTC),
            span=target.span,
            home=str(self.home) if self.home is not None else None,
        )

    def _is_ours(self, token: str, target: Target) -> bool:
        try:
            return any(one.token == token and not one.is_abandoned for one in target.place.holders())
        except (OSError, ValueError):
            return False

    def _spark(self) -> tuple[Process | None, RemoteSession | None]:
        return self._jvm(), self._remote or remote_session_of_this_process()

    def _renew(self, token: str, target: Target, jvm: Process | None, remote: RemoteSession | None) -> None:
        with target.place.changing():
            holders = _readable(target)
            if all(one.token != token or one.is_abandoned for one in holders):
                self._lost.add(token)
            else:
                changes = {"jvm": jvm, "remote": remote}
                target.place.put(
                    [
                        one.model_copy(update={"beat": one.beat + 1, **changes}) if one.token == token else one
                        for one in holders
                    ]
                )

    def _give_back(self, token: str, target: Target) -> None:
        with target.place.changing():
            left = [one for one in _readable(target) if one.token != token]
            step("lease.release")
            target.place.put(left)
        target.place.tidy()

    def _mark_abandoned(self, token: str, target: Target) -> None:
        with target.place.changing():
            holders = _readable(target)
            step("lease.abandon")
            target.place.put([one.abandoned() if one.token == token else one for one in holders])
        target.place.tidy()

    def _beat(self) -> None:
        while not self._over.wait(self._watch.ttl_s / 3):
            self.renew()

    def _pause(self, pause_s: float, stopped: Callable[[], str | None]) -> None:
        """Waits, in steps so short that a stop, which a signal handler asks for, is heard at once."""
        deadline = time.monotonic() + pause_s
        while True:
            why = stopped()
            if why is not None:
                raise RunInterruptedError(f"run {self._run_id} was stopped while it waited for an output: {why}")
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(left_s, _STEP_S))


def _readable(target: Target) -> Sequence[Holder]:
    """The holders of an output; none where what is there is no lease that can be read."""
    try:
        return target.place.holders()
    except ValueError:
        return ()


def _held_error(target: Target, holder: Holder, wait_s: float) -> OutputHeldError:
    waited = f" after {wait_s:g} s of waiting" if wait_s else ""
    return OutputHeldError(
        f"output {target.output!r} ({target.location}) is held{waited} by {holder}",
        output=target.output,
        location=target.location,
        holder=holder,
        fix="wait for it with --wait 10m, or stop that run",
    )


def _tell_waiting(target: Target, holder: Holder, life: Life, wait_s: float, ttl_s: float) -> None:
    if life is Life.UNKNOWN:
        logger.warning(
            "output {!r} is held by {}: watching for at most {:g} s whether that run lives",
            target.output,
            holder,
            ttl_s,
        )
    else:
        logger.warning("output {!r} is held by {}: waiting for at most {:g} s", target.output, holder, wait_s)
