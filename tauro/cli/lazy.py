"""A click group that knows its sub-commands by name and imports one when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of sub-commands that are not imported to be listed.

    Args:
        rows: name -> (`package.module:attribute` of the command, what it does in one line), in the order of the help.
    """

    def __init__(
        self,
        *args: Any,  # Any: what click's own constructor takes
        rows: Mapping[str, tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the rows."""
        return list(self.rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The sub-command called `cmd_name`, imported now; None if there is none."""
        if cmd_name not in self.rows:
            return None
        module, _, attribute = self.rows[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.rows[cmd_name][0]} is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command that the first argument names.

        Raises:
            click.UsageError: there is none, with the closest name.
        """
        name = args[0]
        if name not in self.rows and not name.startswith("-") and not ctx.resilient_parsing:
            from tauro.errors import did_you_mean  # only a mistake pays for it

            hint = did_you_mean(name, list(self.rows)) or f"commands: {', '.join(self.rows)}"
            raise click.UsageError(f"no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of sub-commands in the help, from the rows alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.rows.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:  # Any: click's CompletionItem, lazily
        """The sub-commands that begin with `incomplete`, from the rows alone."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in self.rows.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)
