"""`router run`: run flows to their end, or until they are stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from router.cli.group import TeachingCommand
from router.cli.loading import fail, flow_options, load, load_again
from router.cli.serving import TOKEN, Serving, serving_options, token_from

__all__ = ["command", "seconds_option"]


def seconds_option(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A time, in seconds."""
    from router.config import parse_duration  # noqa: PLC0415 - `router run --help` needs no settings

    try:
        return None if value is None else parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=context, param=parameter) from error


@click.command(
    "run",
    cls=TeachingCommand,
    examples="""
    router run flows/tweets.yaml
    router run flows/tweets.yaml --set posts=my.jsonl             with another input
    router run flows/tweets.yaml --set rate=200 --set loop=true   a live demo, Ctrl-C ends it
    router run flows/tweets.yaml --ui                             watch and steer it in the terminal
    router run flows/tweets.yaml --watch                          follow changes of the file
    router run orders.yaml invoices.yaml --data state             two flows, their data in state/
    router run follow.yaml --until-idle --json                    for scripts: one report a flow

    Exit codes: 0 done; 1 failed, cut off, or with --strict dead letters; 2 a bad flow or
    bad usage, nothing was started; 130 interrupted by Ctrl-C, all records safe.
    """,
)
@click.argument("flows", nargs=-1, required=True, metavar="FLOW...", type=click.Path(path_type=Path))
@flow_options
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the flow keeps its data, such as dead letters.",
)
@click.option(
    "--drain", metavar="TIME", callback=seconds_option, help="How long a stop waits for records under way, such as 5s."
)
@click.option("--until-idle", is_flag=True, help="Stop sources that never end, when they have nothing to give.")
@serving_options
@click.option("--ui", "with_ui", is_flag=True, help="Watch and steer it in the terminal; q stops the flow too.")
@click.option("--watch", is_flag=True, help="Load a flow anew when its files change, as `router reload` does.")
@click.option("--strict", is_flag=True, help="Exit with 1 if there are dead letters.")
@click.option("--json", "as_json", is_flag=True, help="Print a report as JSON on stdout, one line a flow.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
@click.option("--log-json", is_flag=True, help="Log JSON lines.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    flows: tuple[Path, ...],
    parameters: dict[str, str],
    plugins: tuple[Path, ...],
    secrets: Path | None,
    with_ui: bool,
    **options: Any,
) -> None:
    """Run flows, to their end or until they are stopped.

    All flows are loaded before the first is started. Ctrl-C and SIGTERM stop the sources
    and let what is under way arrive; a second Ctrl-C ends at once. Records that fail and
    lead nowhere are kept in the data folder, ~/.local/state/router/NAME if not given.
    SIGHUP loads the flows anew: what is the same in their files works on.
    """
    from router.cli.session import Options, run  # noqa: PLC0415 - `router run --help` needs no engine

    serving = Serving.taken(options)
    if with_ui:
        _watched(serving, len(flows))
    given = (parameters, plugins, secrets)
    context.exit(
        run(
            lambda: load(flows, *given),
            lambda path: load_again(path, *given),
            Options(**options, serving=serving, is_watched=with_ui),
        )
    )


def _watched(serving: Serving, flows: int) -> None:
    """Go on in a process of the flows alone; this one shows them, and ends with their exit code."""
    from router.cli.apart import apart  # noqa: PLC0415 - most runs are not watched here
    from router.cli.ui import check_terminal, watch_apart  # noqa: PLC0415

    check_terminal()
    if serving.no_control:
        fail(["--no-control serves nothing, and --ui asks for it; leave one of them out"])
    if serving.listen is not None and token_from(serving.token_file) is None:
        fail([f"--ui hides the token that --listen would print; give one in a --token-file or in {TOKEN}"])
    process = apart()
    if process is not None:
        sys.exit(watch_apart(process, flows=flows))
