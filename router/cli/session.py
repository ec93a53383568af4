"""One `router run`: data folders, flows, signals and progress, and at the end the reports and the exit code."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

import click

from router.cli import logs
from router.cli.data_folder import DataFolder, default_folder
from router.cli.figures import plural
from router.cli.group import abandon
from router.cli.interrupts import Interrupts, leave
from router.cli.loading import BAD, fail
from router.cli.progress import LiveProgress, PlainProgress
from router.cli.reloading import Loading, on_hangup
from router.cli.running import Run, Runs, in_loop, is_anything_stuck, tuned_gc
from router.cli.serving import Serving, listening, telemetry
from router.cli.summary import Letters, summary
from router.cli.terminal import has_colour, is_terminal, painted
from router.control.server import Control
from router.engine import Report
from router.errors import DataFolderError
from router.flow import Flow
from router.secrecy import Mask

__all__ = ["Options", "exit_code", "run"]

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
    log_level: str
    watch: bool = False
    serving: Serving = field(default_factory=Serving)
    is_watched: bool = False
    """True if whoever runs it sees its progress elsewhere."""


def run(load: Callable[[], Sequence[Flow]], again: Loading, options: Options) -> int:
    """Load flows, run them to their ends, print what they did; the exit code.

    Args:
        again: Loads one of them anew while it runs.
    """
    log = logs.configure("error" if options.quiet else options.log_level, as_json=options.log_json)
    with ExitStack() as stack:
        started = stack.enter_context(tuned_gc())
        flows = load()
        log.hide = mask = Mask(secret for flow in flows for secret in flow.secrets)
        code = _run(flows, options, stack, again=again, mask=mask, started=started)
        if is_anything_stuck():
            leave(code)
    return code


def _run(
    flows: Sequence[Flow],
    options: Options,
    stack: ExitStack,
    *,
    again: Loading,
    mask: Mask,
    started: Callable[[], None],
) -> int:
    folders = _folders(flows, options.data, stack)
    runs = [Run(flow, folder, again, mask.add) for flow, folder in zip(flows, folders, strict=True)]
    letters = [Letters(folder, _words(flow, folder, options)) for flow, folder in zip(flows, folders, strict=True)]
    if not options.quiet:
        for run in runs:
            click.echo(f"{run.flow.name}: data in {run.data}", err=True)
    group = Runs(
        runs,
        drain=options.drain,
        until_idle=options.until_idle,
        watch=options.watch,
        on_start=started,
        control=_control(runs, options.serving),
        telemetry=telemetry(options.serving),
    )
    interrupts = in_loop(lambda loop: _watch(loop, group, options, stack))
    codes = []
    for run, of_run in zip(runs, letters, strict=True):
        assert run.report is not None
        code = exit_code(run.report, strict=options.strict, is_interrupted=interrupts.by is signal.SIGINT)
        codes.append(BAD if run.is_refused else code)
        _tell(run, of_run, codes[-1], options)
    return FAILED if FAILED in codes else max(codes)


def _control(runs: Sequence[Run], serving: Serving) -> Control | None:
    outside = listening(serving)
    return None if serving.no_control else Control(outside, is_ready=lambda: all(run.is_started for run in runs))


def _words(flow: Flow, folder: Path, options: Options) -> str:
    """How another command names the data of a flow."""
    return flow.name if options.data is None else quote(str(folder))


def _folders(flows: Sequence[Flow], data: Path | None, stack: ExitStack) -> list[Path]:
    """Make the data folders and take hold of them."""
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

    def say(text: str) -> None:
        if not options.quiet:
            click.echo(text, err=True)

    interrupts = stack.enter_context(Interrupts(loop, group.stop, say))
    stack.enter_context(on_hangup(loop, group.reload, group.stop))
    is_live = is_terminal(sys.stderr) and not options.log_json
    progress = LiveProgress(group.meters) if is_live else PlainProgress(group.meters)
    if not options.quiet and not options.is_watched:
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


def _tell(run: Run, letters: Letters, code: int, options: Options) -> None:
    """Print the report for programs, or the summary for people."""
    assert run.report is not None
    if options.as_json:
        try:
            click.echo(json.dumps(run.report.to_dict() | {"exit": code}, ensure_ascii=False))
        except BrokenPipeError:
            abandon(sys.stdout)  # who wanted to know has gone; the flow has run all the same
    elif not options.quiet:
        for line in summary(run.flow, run.report, letters):
            click.echo(painted(line, colour=has_colour(sys.stderr)), err=True)
    if (options.quiet or options.as_json) and run.report.error is not None:
        click.echo(f"{run.flow.name}: {run.report.error}", err=True)
    elif options.quiet and options.strict and run.report.dead_letters:
        number = plural(run.report.dead_letters, "dead letter")
        click.echo(f"{run.flow.name}: {number}; look at them with: {letters.command}", err=True)
