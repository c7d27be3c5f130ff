"""Disasters other than a kill: no room, no right to write, no database, no history, a wrong clock, two at once."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from tests.faults.cases import Undisturbed, Verdict, compare, differences, finish, judged
from tests.faults.machine import killed, mounted, read_only
from tests.faults.orders import Order
from tests.faults.processes import Ended
from tests.faults.tables import Tables
from tests.faults.workshop import Place, Workshop

DISASTER = "disaster: "
"""How the names of these cases begin."""
HOLDS = 5
"""The exit code of a run whose output another run holds."""
FAILED = frozenset({3, 4})
"""The exit codes of a run whose nodes, or whose publishing, failed."""
REACH_S = 200.0
"""How long a process may take to the step that it is awaited at."""
_SCARCE_BYTES = 48 * 1024


@dataclass(slots=True)
class Scene:
    """A disaster's place."""

    place: Place
    pipeline: str
    right: Undisturbed
    before: Tables
    """What the tables were like before the run."""
    verdict: Verdict

    def run(self, *orders: Order, meanwhile: Callable[[], object] | None = None, wait: str = "0s") -> Ended:
        """A run for the window; its kills are counted."""
        ended = self.place.run("run", self.pipeline, "--wait", wait, orders=orders, meanwhile=meanwhile)
        self.verdict.kills += ended.was_killed
        return ended

    def expect(self, ended: Ended, codes: frozenset[int], what: str) -> None:
        """Notes a failure unless the process ended with one of the codes."""
        if ended.code not in codes:
            self.verdict.failures.append(f"{what}: exit code {ended.code}, not {sorted(codes)}:\n{ended.last_lines()}")

    def expect_untouched(self, what: str) -> None:
        """Notes tables that are not what they were before the run."""
        self.verdict.wrong += [f"{what}: {text}" for text in differences(self.place.tables(), self.before)]

    @contextmanager
    def standing_at(self, step: str, at: int = 1) -> Iterator[Callable[[], Ended]]:
        """A run that stands at a step for as long as the block lasts; the value, called, waits for its end.

        Raises:
            TimeoutError: it did not get there.
        """
        beside = self.place.launcher.folder / "beside"
        reached, go = Path(f"{beside}.reached"), Path(f"{beside}.go")
        ended: list[Ended] = []
        thread = Thread(target=lambda: ended.append(self.run(Order(step, at, "wait", str(beside)))), daemon=True)
        thread.start()

        def end() -> Ended:
            go.touch()
            thread.join()
            return ended[0]

        try:
            deadline = time.monotonic() + REACH_S
            while not reached.exists():
                if time.monotonic() > deadline or not thread.is_alive():
                    raise TimeoutError(f"no process came to {step} {at}")
                time.sleep(0.02)
            yield end
        finally:
            go.touch()
            thread.join()


def full_disk(scene: Scene) -> None:
    """A disk that is too small for what is staged; the tables stay as they were, and a run with room is right."""
    output = scene.place.root / "output"
    size = sum(file.stat().st_blocks * 512 for file in output.rglob("*") if file.is_file())
    with mounted(output, size + _SCARCE_BYTES):
        scene.expect(scene.run(), FAILED, "a full disk")
        scene.expect_untouched("a full disk")
        subprocess.run(["mount", "-o", "remount,size=512m", str(output)], check=True)
        _end(scene)


def read_only_target(scene: Scene) -> None:
    """A target that may not be written."""
    folder = scene.place.root / "output/silver"
    with read_only(folder):
        scene.expect(scene.run(), FAILED | {2}, "a read-only target")
        scene.expect_untouched("a read-only target")
    _end(scene)


def lost_connections(scene: Scene) -> None:
    """The database ends all connections in the midst of publishing, then is back."""
    with scene.standing_at("jdbc.publish") as end:
        _disconnect(scene)
        scene.expect(end(), FAILED | {0}, "lost connections")
    _end(scene)


def database_away(scene: Scene) -> None:
    """The database can't be reached while a run publishes."""
    name = scene.place.server.database
    administer = scene.place.administer
    with scene.standing_at("publish.output") as end:
        administer(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        _disconnect(scene)
        scene.expect(end(), FAILED, "a database that is away")
    administer(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    _end(scene)


def corrupt_history(scene: Scene) -> None:
    """The history file is overwritten before a run, during it, and before the one that recovers it."""
    _spoil_history(scene)
    with scene.standing_at("history.write", 3) as end:
        _spoil_history(scene)
        scene.expect(end(), frozenset({0}), "a corrupted history")
    scene.run(Order("publish.output", 2))
    _spoil_history(scene)
    _end(scene)


def lost_history(scene: Scene) -> None:
    """Everything that the project keeps for itself is gone after a kill."""
    scene.run(Order("publish.output", 2))
    for file in scene.place.root.glob(".tauro/history*"):
        file.unlink()
    _end(scene)


def clock_ahead(scene: Scene) -> None:
    """The clock jumps three hours ahead in a run that is killed."""
    scene.run(Order("lease.take", 1, "jump", "10800"), Order("publish.output", 2))
    _end(scene)


def clock_back(scene: Scene) -> None:
    """The clock jumps three hours back, in the run that recovers another one, too."""
    scene.run(Order("lease.take", 1, "jump", "-10800"), Order("publish.output", 2))
    finish(scene.place, scene.pipeline, scene.verdict, orders=[Order("lease.take", 1, "jump", "-20000")])


def two_at_once(scene: Scene) -> None:
    """Two runs start at the same moment: one does the work, the other goes away with exit code 5."""
    ended: list[Ended] = []
    launchers = [scene.place.launcher, scene.place.launcher.another()]
    threads = [
        Thread(target=lambda one=one: ended.append(scene.place.by(one).run("run", scene.pipeline))) for one in launchers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if sorted(one.code for one in ended) not in ([0, HOLDS], [0, 0]):
        codes = sorted(one.code for one in ended)
        told = "\n".join(one.last_lines() for one in ended)
        scene.verdict.failures.append(f"two at once ended with exit codes {codes}:\n{told}")


def second_waits(scene: Scene) -> None:
    """A run stands still with its leases; a second one that may not wait ends with 5, one that may runs after it."""
    with scene.standing_at("publish.output", 2) as end:
        other = scene.place.by(scene.place.launcher.another())
        scene.expect(other.run("run", scene.pipeline), frozenset({HOLDS}), "a held output")
        waiting: list[Ended] = []
        thread = Thread(target=lambda: waiting.append(other.run("run", scene.pipeline, "--wait", "10m")))
        thread.start()
        time.sleep(2)
        scene.expect(end(), frozenset({0}), "the first of two")
        thread.join()
        scene.expect(waiting[0], frozenset({0}), "the one that waited")


def killed_thrice(scene: Scene) -> None:
    """The run, its recovery and the recovery's recovery are killed."""
    for at in (3, 2, 2):
        scene.run(Order("publish.output", at))
    _end(scene)


def replaced_server(scene: Scene) -> None:
    """The server itself is killed in the midst of publishing, and started again."""
    with scene.standing_at("jdbc.publish") as end, killed(scene.place.server):
        scene.expect(end(), FAILED, "a server that was killed")
    _end(scene)


def _end(scene: Scene) -> None:
    finish(scene.place, scene.pipeline, scene.verdict)


def _disconnect(scene: Scene) -> None:
    name = scene.place.server.database
    scene.place.administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def _spoil_history(scene: Scene) -> None:
    """Overwrites bytes in the middle of the history's files."""
    for file in scene.place.root.glob(".tauro/history*"):
        size = file.stat().st_size
        with file.open("r+b") as opened:
            for at in (16, size // 2):
                opened.seek(min(at, size))
                opened.write(b"\xde\xad" * 200)


Disaster = Callable[[Scene], None]
DISASTERS: Mapping[str, Disaster] = {
    "full disk": full_disk,
    "read-only target": read_only_target,
    "lost connections": lost_connections,
    "database away": database_away,
    "corrupted history": corrupt_history,
    "lost history": lost_history,
    "clock ahead": clock_ahead,
    "clock back": clock_back,
    "two at once": two_at_once,
    "second waits": second_waits,
    "killed thrice": killed_thrice,
    "server killed": replaced_server,
}
ALONE = frozenset({"server killed"})
"""Those that nothing else may run beside."""


def impossible(name: str) -> str | None:
    """Why a disaster can't be had on this machine; None if it can."""
    if name == "full disk" and os.geteuid() != 0:
        return f"{name}: only root may mount"
    return None


def judge_disaster(workshop: Workshop, name: str, right: Undisturbed, before: Tables) -> Verdict:
    """Lets a disaster happen, and looks at what came of it."""

    def play(place: Place, verdict: Verdict) -> None:
        DISASTERS[name](Scene(place, workshop.pipeline, right, before, verdict))
        compare(place, right, verdict)

    return judged(workshop, f"{DISASTER}{name}", play)
