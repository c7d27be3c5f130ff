"""The live view of a run on a terminal: a bar, and the state of each node that fits."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tauro.cli.render import words
from tauro.cli.render.progress import headline
from tauro.cli.render.tables import STYLES
from tauro.model.events import BreakerOpened, Event, NodeEnded, NodeRetrying, NodeStarted, RunEnded, RunStarted
from tauro.model.outcome import Status

_FIRST = (Status.FAILED, Status.RUNNING, Status.RETRYING, Status.COMPLETED, Status.PENDING)
"""Which nodes are shown when there are more than lines; the rest of the states come last."""


class _Line:
    """What the view knows of one node."""

    __slots__ = ("attempt", "changed_at", "note", "spent_s", "started_at", "status")

    def __init__(self) -> None:
        self.status = Status.PENDING
        self.attempt = 0
        self.started_at: float | None = None
        self.changed_at = 0.0
        self.spent_s = 0.0
        self.note = ""


class RunView:
    """What has happened so far, fed by events and drawn at any time.

    Args:
        clock: seconds that only grow.
        redact: replaces secrets.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, redact: Callable[[str], str] = str) -> None:
        self._clock = clock
        self._redact = redact
        self._lock = Lock()
        self._lines: dict[str, _Line] = {}
        self._title = "starting"
        self._hold = ""
        self._began = clock()

    def __call__(self, event: Event) -> None:
        """Takes an event in."""
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        now = self._clock()
        match event:
            case RunStarted(_, plan):
                self._title = f"{plan.pipeline.name}, {words.window(plan.window)}"
                self._lines = {name: _Line() for name in plan.order}
            case NodeStarted(node, attempt):
                self._hold = ""
                line = self._lines.setdefault(node, _Line())
                line.status, line.attempt, line.note, line.changed_at = Status.RUNNING, attempt, "", now
                line.started_at = now if line.started_at is None else line.started_at
            case NodeRetrying(node, attempt, error, delay_s):
                line = self._lines.setdefault(node, _Line())
                line.status, line.changed_at = Status.RETRYING, now
                line.note = f"attempt {attempt}: {headline(error)}; again in {words.duration(delay_s)}"
            case NodeEnded(result):
                line = self._lines.setdefault(result.name, _Line())
                line.status, line.attempt, line.spent_s = result.status, result.attempts, result.duration_s
                line.changed_at = now
                written = words.rows_written([output.rows for output in result.outputs])
                line.note = headline(result.error) if result.error else result.note or written
            case BreakerOpened(_, reset_s):
                self._hold = f" (nothing new starts for {words.duration(reset_s)})"
            case RunEnded():
                pass

    def draw(self, height: int) -> RenderableType:
        """The view in at most `height` lines."""
        with self._lock:
            now = self._clock()
            done = sum(line.status.is_final for line in self._lines.values())
            head = Table.grid(padding=(0, 1))
            head.add_row(
                Text(self._redact(self._title + self._hold), style="bold"),
                ProgressBar(total=max(len(self._lines), 1), completed=done, width=30),
                Text(f"{done}/{len(self._lines)}  {words.duration(now - self._began)}"),
            )
            return Group(head, self._nodes(now, height - 2))

    def _nodes(self, now: float, room: int) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column()
        grid.add_column()
        grid.add_column(justify="right")
        grid.add_column(overflow="ellipsis", no_wrap=True)
        shown = self._shown(room)
        for name, line in self._lines.items():
            if name in shown:
                spent = line.spent_s if line.status.is_final else now - (line.started_at or now)
                grid.add_row(
                    name,
                    Text(str(line.status), style=STYLES[line.status]),
                    words.duration(spent) if line.attempt else "",
                    Text(self._redact(line.note), style="dim"),
                )
        if len(shown) < len(self._lines):
            grid.add_row(Text(f"... {len(self._lines) - len(shown)} more", style="dim"))
        return grid

    def _shown(self, room: int) -> set[str]:
        """The nodes to show: all if they fit, else the failed and running ones, then what changed last."""
        if len(self._lines) <= room:
            return set(self._lines)

        def rank(name: str) -> tuple[int, float]:
            line = self._lines[name]
            return (_FIRST.index(line.status) if line.status in _FIRST else len(_FIRST), -line.changed_at)

        return set(sorted(self._lines, key=rank)[: max(room - 1, 1)])


class LiveProgress:
    """Draws a `RunView` on a terminal while a run goes on, and removes it at the end.

    Args:
        console: where to draw.
        redact: replaces secrets.
        takes_stdout: whether what user code prints is shown above the view; false where it goes to a file.
    """

    def __init__(self, console: Console, redact: Callable[[str], str], *, takes_stdout: bool) -> None:
        self._view = RunView(redact=redact)
        self._console = console
        self._live = Live(
            get_renderable=lambda: self._view.draw(console.size.height - 1),
            console=console,
            transient=True,
            refresh_per_second=8,
            redirect_stdout=takes_stdout,
            redirect_stderr=True,
        )

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Takes an event in; the view is drawn anew in time."""
        self._view(event)

    def write(self, text: str) -> None:
        """Shows a line above the view."""
        self._console.print(text)

    def show_cursor(self) -> None:
        """Gives the terminal its cursor back, for an end that waits for nothing."""
        self._console.show_cursor(True)
