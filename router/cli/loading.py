"""What commands have in common: options that choose and fill in flows, and the loading of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from router.flow import Flow

__all__ = ["BAD", "fail", "flow_options", "load", "load_again", "plugin_option"]

_F = TypeVar("_F", bound=Callable[..., Any])
BAD = 2
"""The exit code of a bad flow, bad usage, a data folder that cannot be had."""


def plugin_option(command: _F) -> _F:
    """`--plugin FILE`."""
    return click.option(
        "--plugin",
        "plugins",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Load a plugin file as well; may be given several times.",
    )(command)


def flow_options(command: _F) -> _F:
    """`--set`, `--plugin` and `--secrets`."""
    parameters = click.option(
        "--set",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_parameters,
        help="Set a parameter of the flow; may be given several times.",
    )
    secrets = click.option(
        "--secrets",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Look for secrets in the files of this folder, too.",
    )
    return parameters(plugin_option(secrets(command)))


def load(
    paths: Sequence[Path], parameters: Mapping[str, str], plugins: Sequence[Path], secrets: Path | None
) -> list[Flow]:
    """Load flows; print all that is wrong with any of them and exit with 2."""
    from router.errors import FlowError  # noqa: PLC0415 - `router --help` needs no loader
    from router.loader import load_flow  # noqa: PLC0415

    flows: list[Flow] = []
    problems: list[object] = []
    for path in paths:
        try:
            flows.append(load_flow(path, parameters, plugins, secrets=secrets))
        except FlowError as error:
            problems += error.problems
    if problems:
        fail(problems)
    # A plugin that is broken and not needed is told of, no more.
    for problem in dict.fromkeys(str(each) for flow in flows for each in flow.registry.problems):
        click.echo(problem, err=True)
    return flows


def load_again(path: Path, parameters: Mapping[str, str], plugins: Sequence[Path], secrets: Path | None) -> Flow:
    """Load a flow while one runs: nothing is printed.

    Raises:
        FlowError: all that is wrong with it.
    """
    from router.loader import load_flow  # noqa: PLC0415 - as above

    return load_flow(path, parameters, plugins, secrets=secrets)


def fail(problems: Iterable[object]) -> NoReturn:
    """Print problems, one a line, and exit with 2."""
    # Several flows may share a plugin, and its problem.
    for problem in dict.fromkeys(map(str, problems)):
        click.echo(problem, err=True)
    sys.exit(BAD)


def _parameters(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, sign, rest = value.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", ctx=context, param=parameter)
        found[name] = rest
    return found
