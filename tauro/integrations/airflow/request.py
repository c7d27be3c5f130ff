"""What a task asks of `tauro run`, and the command that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """A run that is asked for."""

    project: str
    """The project's folder, as the process sees it."""
    pipeline: str
    env: str | None = None
    window: tuple[str, str] | None = None
    """--start and --end; None for what the project's settings say."""
    nodes: tuple[str, ...] = ()
    """The nodes to run; all of the pipeline's if there are none."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """--set."""
    wait: str = "0s"
    """How long to wait for other runs that write the same outputs, as --wait takes it."""
    arguments: tuple[str, ...] = ()
    """Further options of `tauro run`."""

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes the run another one; where the project lies does not."""
        settings = (f"{key}={value}" for key, value in sorted(self.settings.items()))
        return (
            self.pipeline,
            self.env or "",
            *(self.window or ("", "")),
            *self.nodes,
            "",
            *settings,
            "",
            *self.arguments,
        )

    def command(self, python: str, run_id: str, log: str) -> list[str]:
        """The words that run it.

        Args:
            python: the interpreter of an environment with Tauro and Spark.
            run_id: the run's id.
            log: the file that messages and events are appended to.
        """
        start, end = self.window or (None, None)
        options: Sequence[tuple[str, str | None]] = (
            ("--project", self.project),
            ("--pipeline", self.pipeline),
            ("--env", self.env),
            ("--start", start),
            ("--end", end),
            *(("--node", node) for node in self.nodes),
            *(("--set", f"{key}={value}") for key, value in self.settings.items()),
            ("--wait", self.wait),
            ("--run-id", run_id),
            ("--log-file", log),
        )
        words = [word for flag, value in options if value is not None for word in (flag, value)]
        # -P: a folder called `tauro` where the worker happens to be must not take the package's place
        return [python, "-P", "-m", "tauro", "run", *words, *self.arguments, "--quiet", "--json"]
