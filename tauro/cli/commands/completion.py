"""`tauro completion`: the script that makes a shell complete commands, options and a project's names."""

from __future__ import annotations

import click

from tauro.cli.invocation import Invocation

SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Prints the script that completes commands, options, pipelines, nodes and environments.

    \b
    bash: add to ~/.bashrc     eval "$(tauro completion bash)"
    zsh:  add to ~/.zshrc      eval "$(tauro completion zsh)"
    fish: tauro completion fish > ~/.config/fish/completions/tauro.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click can't complete in {shell}", ctx)
    script = kind(ctx.find_root().command, {}, "tauro", "_TAURO_COMPLETE").source()
    (ctx.find_object(Invocation) or Invocation([])).say(script)
