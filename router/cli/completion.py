"""`router completion`: the script that makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from router.cli.group import TeachingCommand

__all__ = ["command"]


@click.command(
    "completion",
    cls=TeachingCommand,
    examples="""
    eval "$(router completion bash)"                              in ~/.bashrc
    eval "$(router completion zsh)"                               in ~/.zshrc
    router completion fish > ~/.config/fish/completions/router.fish
    """,
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, /, shell: str) -> None:
    """Print the script that completes commands in a shell."""
    kind = get_completion_class(shell)
    assert kind is not None, shell
    click.echo(kind(context.find_root().command, {}, "router", "_ROUTER_COMPLETE").source())
