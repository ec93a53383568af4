"""`router provenance`: what happened to records, and records put back on their way."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from router.cli.filters import since_option, where_option
from router.cli.flow_data import FlowData, find_data, flow_argument
from router.cli.group import TeachingCommand, TeachingGroup
from router.cli.loading import fail
from router.cli.putting import check_place, place_option

if TYPE_CHECKING:
    from router.cli.terminal import Line
    from router.storage.provenance.reading import Reader
    from router.storage.provenance.replay import Kept

__all__ = ["command"]

SHOWN = 100
_KINDS = {
    "search": "Find events, the newest first.",
    "show": "Show the course of records, and what they came of and became.",
    "replay": "Put records back on the connections they were on.",
    "counts": "Show totals by the minute.",
}
_TYPES = (
    "RECEIVE", "CREATE", "ROUTE", "CONTENT_MODIFIED", "ATTRIBUTES_MODIFIED", "SEND", "FORK", "JOIN", "CLONE", "REPLAY",
    "DROP", "EXPIRE",
)  # fmt: skip
_records = click.argument("ids", nargs=-1, required=True, metavar="ID...", type=click.IntRange(min=1))
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, one line each.")


@click.group(
    "provenance",
    cls=TeachingGroup,
    short_helps=_KINDS,
    examples="""
    router provenance search tweets --type DROP --since 1h         what was dropped lately
    router provenance search tweets --where 'path == "posts.jsonl"'
    router provenance show tweets 4711                             all about one record
    router provenance replay tweets 4711                           let it have another try
    router provenance counts flows/tweets.yaml                     by the flow's file
    """,
)
def command() -> None:
    """Say what happened to the records of a flow. It may run meanwhile.

    How much is known, the flow says with `run: {provenance: ...}`.
    """


@command.command("search", cls=TeachingCommand, examples="router provenance search tweets --processor score --since 2h")
@flow_argument
@click.option("--processor", metavar="NAME", help="Those of this processor, or connection.")
@click.option(
    "--type", "kind", metavar="TYPE", type=click.Choice(_TYPES, case_sensitive=False), help="Those of this type."
)
@click.option(
    "--record", metavar="ID", type=click.IntRange(min=1), help="Those of this record, and of what came of it."
)
@where_option("Those whose records have attributes for which this is true.")
@since_option("Those since then, such as 2h or 2026-01-31T12:00.")
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="At most so many.")
@_as_json
def search(
    *,
    flow: str,
    data: Path | None,
    processor: str | None,
    kind: str | None,
    record: int | None,
    where: Any,
    since: float | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Find events, the newest first.

    At most 100 if no --limit is given. An event is about all records that a call gave to one relationship;
    the numbers behind it are those of its records.
    """
    from router.cli.provenance_views import event_json, event_line  # noqa: PLC0415 - `--help` needs no events
    from router.storage.provenance.reading import Wanted  # noqa: PLC0415

    most = SHOWN if limit is None else limit
    with _opened(flow, data) as (_, reader):
        wanted = Wanted(processor=processor, type=kind, record=record, since=since, where=where)
        if as_json:
            _write_json(map(event_json, islice(reader.search(wanted), limit)))
            return
        found = list(islice(reader.search(wanted), most + 1))
    _print(map(event_line, found[:most]))
    if len(found) > most:
        _say("there are more events, see them with --limit")
    elif not found:
        _say("no events")


@command.command("show", cls=TeachingCommand, examples="router provenance show tweets 4711")
@flow_argument
@_records
@_as_json
def show(*, flow: str, data: Path | None, ids: tuple[int, ...], as_json: bool) -> None:
    """Show the course of records, and what they came of and became.

    With the content that is kept: as it was when a source gave it, or, where the flow keeps that, as it was last.
    """
    from router.cli.provenance_views import course, course_json  # noqa: PLC0415 - `--help` needs no events
    from router.storage.provenance.family import family_of  # noqa: PLC0415

    missing = []
    with _opened(flow, data) as (_, reader):
        for each in ids:
            member = family_of(reader, each)
            if not member.events:
                missing.append(each)
                continue
            kept = _kept(reader, each)
            if as_json:
                _write_json([course_json(member, kept)])
            else:
                _print(course(member, kept))
    _end(missing)


@command.command(
    "replay",
    cls=TeachingCommand,
    examples="""
    router provenance replay tweets 4711                where it was put first
    router provenance replay tweets 4711 --to repair    into another processor
    """,
)
@flow_argument
@_records
@place_option
def replay(*, flow: str, data: Path | None, ids: tuple[int, ...], to: str | None, **options: Any) -> None:
    """Put records back on the connections they were on, as they were then.

    What is put back is a new record that came of the old one. The flow that runs takes it up within
    seconds, else its next run. Until it is safe it is a dead letter that is to be tried again.
    Of a flow that runs, or of a flow file, it is checked that it has --to.
    """
    from router.cli.figures import plural  # noqa: PLC0415 - `--help` needs no events
    from router.storage.provenance.events import ENDS  # noqa: PLC0415
    from router.storage.provenance.replay import ask  # noqa: PLC0415

    with _opened(flow, data) as (found, reader):
        check_place(found, to, **options)
        kept = {each: _kept(reader, each) for each in ids}
        ready = [each for each in kept.values() if each is not None and (to is not None or each.connection not in ENDS)]
        count = ask(found.folder, ready, to)
    if count:
        _say(
            f"{plural(count, 'record')} to be put back: by the flow that runs, within seconds, or else by its next run"
        )
    if gone := [str(each) for each in ids if each not in {one.record for one in ready}]:
        _say(f"no content is kept of {', '.join(gone)}, or it was on no connection")
        sys.exit(1)


@command.command("counts", cls=TeachingCommand, examples="router provenance counts tweets --since 1h")
@flow_argument
@since_option("Minutes since then, such as 2h or 2026-01-31T12:00.")
@_as_json
def counts(*, flow: str, data: Path | None, since: float | None, as_json: bool) -> None:
    """Show totals by the minute: what processors took and gave, what connections dropped."""
    from router.cli.provenance_views import count_json, count_line  # noqa: PLC0415 - `--help` needs no events

    with _opened(flow, data) as (_, reader):
        found = reader.counts(since)
    if as_json:
        _write_json(map(count_json, found))
    elif not found:
        _say("no totals; a flow that runs writes them once a minute")
    else:
        _print(map(count_line, found))


# -- in common ------------------------------------------------------------------------------------


@contextmanager
def _opened(flow: str, data: Path | None) -> Iterator[tuple[FlowData, Reader]]:
    from router.errors import DataFolderError  # noqa: PLC0415 - `--help` needs no storage
    from router.storage.provenance.reading import Reader  # noqa: PLC0415

    found = find_data(flow, data)
    try:
        with Reader(found.folder) as reader:
            yield found, reader
    except DataFolderError as error:
        fail([error])


def _kept(reader: Reader, record: int) -> Kept | None:
    from router.errors import StorageError  # noqa: PLC0415 - same
    from router.storage.provenance.replay import kept_of  # noqa: PLC0415

    try:
        return kept_of(reader, record)
    except StorageError as error:
        _say(f"record {record}: {error}")
        return None


def _write_json(found: Iterable[dict[str, Any]]) -> None:
    from router.storage.sayable import as_json  # noqa: PLC0415 - same

    for each in found:
        sys.stdout.buffer.write(as_json(each) + b"\n")


def _print(lines: Iterable[Line]) -> None:
    from router.cli.terminal import has_colour, painted  # noqa: PLC0415 - same

    for line in lines:
        click.echo(painted(line, colour=has_colour(sys.stdout)))


def _say(text: str) -> None:
    click.echo(text, err=True)


def _end(missing: Sequence[int]) -> None:
    """Exit with 1 if nothing is known of a record that was named."""
    if missing:
        _say(f"nothing is known of record {', '.join(map(str, missing))}")
        sys.exit(1)
