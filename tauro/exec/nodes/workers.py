"""Threads that run attempts, and that nobody has to wait for.

`concurrent.futures` joins its threads when Python ends, so that one node which never returns would keep the command
from ever ending. These are daemon threads; one that is stuck can be given up, and another takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

Task = Callable[[], None]


class Workers:
    """Up to `size` threads, started when they are first needed.

    Args:
        size: how many tasks run at once.
        name: how the threads are called in a debugger.
    """

    def __init__(self, size: int, name: str = "tauro-node") -> None:
        self._size = size
        self._name = name
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads = 0
        self._busy = 0

    @property
    def has_room(self) -> bool:
        """Whether a task would start at once."""
        return self._busy < self._size

    def start(self, task: Task) -> None:
        """Runs `task`, which must not raise, on a thread; `free` is to be called when it has ended."""
        self._busy += 1
        if self._threads < self._busy:
            self._threads += 1
            Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._tasks.put(task)

    def free(self) -> None:
        """A task has ended."""
        self._busy -= 1

    def give_up(self) -> None:
        """A task will not end: its thread is left to itself."""
        self._busy -= 1
        self._threads -= 1

    def close(self) -> None:
        """Ends every thread once it has no task, also one that was given up; no task may be started after it."""
        self._tasks.put(None)
        self._threads = 0

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
        self._tasks.put(None)  # for the next thread
