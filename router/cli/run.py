"""`router run`: run flows to their end, or until they are stopped."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from router.cli.group import TeachingCommand, abandon
from router.cli.loading import fail, flow_options, load

if TYPE_CHECKING:
    from router.cli.interrupts import Interrupts
    from router.cli.running import Run, Runs
    from router.cli.summary import DeadLetterFile
    from router.engine import Report
    from router.flow import Flow

__all__ = ["command"]

INTERRUPTED, FAILED = 130, 1


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is to be shown and judged."""

    data: Path | None
    drain: float | None
    until_idle: bool
    strict: bool
    as_json: bool
    log_json: bool
    quiet: bool


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
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
    router run flows/tweets.yaml --set posts=my.jsonl         with another input
    router run flows/tweets.yaml --set rate=200 --set loop=true   a live demo, Ctrl-C ends it
    router run orders.yaml invoices.yaml --data state         two flows, their data in state/
    router run follow.yaml --until-idle --json                for scripts: one report a flow

    Exit codes: 0 done; 1 failed, cut off, or with --strict dead letters; 2 a bad flow or
    bad usage, nothing was started; 130 interrupted by Ctrl-C, all records safe.
    """,
)
@click.argument("flows", nargs=-1, required=True, metavar="FLOW...", type=click.Path(path_type=Path))
@flow_options
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help="Keep data here, dead letters for one.")
@click.option(
    "--drain", metavar="TIME", callback=_seconds, help="How long a stop waits for records under way, such as 5s."
)
@click.option("--until-idle", is_flag=True, help="Stop sources that never end, when they have nothing to give.")
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
    log_level: str,
    **options: Any,
) -> None:
    """Run flows, to their end or until they are stopped.

    All flows are loaded before the first is started. Ctrl-C and SIGTERM stop the sources
    and let what is under way arrive; a second Ctrl-C ends at once. Records that fail and
    lead nowhere are kept in the data folder, ~/.local/state/router/NAME if not given.
    """
    from router.cli.interrupts import leave  # noqa: PLC0415 - `router run --help` needs no engine
    from router.cli.running import is_anything_stuck, tuned_gc  # noqa: PLC0415

    chosen = Options(**options)
    _configure_logging(log_level, chosen)
    with ExitStack() as stack:
        started = stack.enter_context(tuned_gc())
        code = _run(load(flows, parameters, plugins, secrets), chosen, stack, started)
        if is_anything_stuck():
            leave(code)
    context.exit(code)


def _configure_logging(level: str, options: Options) -> None:
    from router.cli.logs import configure  # noqa: PLC0415

    configure("error" if options.quiet else level, as_json=options.log_json)


def _run(flows: Sequence[Flow], options: Options, stack: ExitStack, started: Callable[[], None]) -> int:
    from router.cli.running import Run, Runs, in_loop  # noqa: PLC0415
    from router.cli.summary import DeadLetterFile  # noqa: PLC0415

    folders = _folders(flows, options.data, stack)
    runs = [Run(flow, folder) for flow, folder in zip(flows, folders, strict=True)]
    letters = [DeadLetterFile(folder) for folder in folders]
    group = Runs(runs, drain=options.drain, until_idle=options.until_idle, on_start=started)
    interrupts = in_loop(lambda loop: _watch(loop, group, options, stack))
    codes = []
    for run, file in zip(runs, letters, strict=True):
        assert run.report is not None
        codes.append(exit_code(run.report, strict=options.strict, is_interrupted=interrupts.by is signal.SIGINT))
        _tell(run, file, codes[-1], options)
    return FAILED if FAILED in codes else max(codes)


def _folders(flows: Sequence[Flow], data: Path | None, stack: ExitStack) -> list[Path]:
    """Make the data folders and take hold of them."""
    from router.cli.data_folder import DataFolder, default_folder  # noqa: PLC0415
    from router.errors import DataFolderError  # noqa: PLC0415

    found: dict[str, Path] = {}
    for flow in flows:
        if flow.name in found:
            fail([f"{flow.file}: the name {flow.name!r} is taken by another flow of this command"])
        try:
            path = default_folder(flow.name) if data is None else data / flow.name if len(flows) > 1 else data
            found[flow.name] = stack.enter_context(DataFolder(path, flow.name)).path
        except DataFolderError as error:
            fail([error])
    return list(found.values())


async def _watch(loop: asyncio.AbstractEventLoop, group: Runs, options: Options, stack: ExitStack) -> Interrupts:
    """Run the flows, with their progress shown and signals heard; from then on to the end of the process."""
    from router.cli.interrupts import Interrupts  # noqa: PLC0415
    from router.cli.progress import LiveProgress, PlainProgress  # noqa: PLC0415
    from router.cli.terminal import is_terminal  # noqa: PLC0415

    def say(text: str) -> None:
        if not options.quiet:
            click.echo(text, err=True)

    interrupts = stack.enter_context(Interrupts(loop, group.stop, say))
    is_live = is_terminal(sys.stderr) and not options.log_json
    progress = LiveProgress(group.meters) if is_live else PlainProgress(group.meters)
    if not options.quiet:
        progress.start()
    try:
        await group.to_the_end()
    finally:
        progress.end()
    return interrupts


def exit_code(report: Report, *, strict: bool, is_interrupted: bool) -> int:
    """What a flow's end means to a shell."""
    if report.outcome in ("failed", "cut_off") or (strict and report.dead_letters):
        return FAILED
    return INTERRUPTED if report.outcome == "stopped" and is_interrupted else 0


def _tell(run: Run, letters: DeadLetterFile, code: int, options: Options) -> None:
    """Print the report for programs, or the summary for people."""
    from router.cli.summary import summary  # noqa: PLC0415
    from router.cli.terminal import has_colour, painted  # noqa: PLC0415

    assert run.report is not None
    if options.as_json:
        try:
            click.echo(json.dumps(run.report.to_dict() | {"exit": code}, ensure_ascii=False))
        except BrokenPipeError:
            abandon(sys.stdout)  # who wanted to know has gone; the flow has run all the same
    elif not options.quiet:
        for line in summary(run.flow, run.report, letters):
            click.echo(painted(line, colour=has_colour(sys.stderr)), err=True)
    if options.quiet and run.report.error is not None:
        click.echo(f"{run.flow.name}: {run.report.error}", err=True)
