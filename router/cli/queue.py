"""`router queue`: see, move and drop what waits in a flow's disk queues."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from router.cli import live_queue
from router.cli.asking import confirm
from router.cli.filters import limit_option, where_option
from router.cli.flow_data import FlowData, find_data, flow_argument
from router.cli.group import TeachingCommand, TeachingGroup
from router.cli.loading import fail, flow_options, load
from router.cli.reaching import is_running

if TYPE_CHECKING:
    from router.batch import Batch
    from router.flow import ConnectionSpec
    from router.storage.queue_box import QueueBox, Stored, Waiting

__all__ = ["command"]

_KINDS = {
    "list": "List the connections that records wait in.",
    "show": "Print the records that wait in a connection, as JSON lines.",
    "move": "Have the records of one connection wait in another.",
    "drop": "Delete records that wait, for good.",
}


@click.group(
    "queue",
    cls=TeachingGroup,
    short_helps=_KINDS,
    examples="""
    router queue list flows/tweets.yaml                            and which the flow has no more
    router queue show tweets 'score.success>route' --limit 10
    router queue move flows/tweets.yaml 'score.success>route' 'rate.success>route'
    router queue drop tweets 'score.success>route' --where 'lang == "tlh"'
    """,
)
def command() -> None:
    """Look after the records that wait in a flow's queues.

    Those on disk, and while the flow runs those in memory too.
    """


@command.command("list", cls=TeachingCommand, examples="router queue list flows/tweets.yaml")
@flow_argument
@flow_options
@click.option("--json", "as_json", is_flag=True, help="Print each connection as JSON, one line each.")
def list_(*, flow: str, data: Path | None, as_json: bool, **options: Any) -> None:
    """List the connections that records wait in.

    Of a flow file also: those that the flow has no more, or not on disk, so that nobody takes from them.
    """
    with _opened(flow, data) as (found, box):
        live, stored = _live(found), box.waiting()
    known = _connections(found, options)
    ids = {each.connection for each in live}
    waiting = [each for each in live if each.records] + [each for each in stored if each.connection not in ids]
    lines = [
        _listed(each, None if each.connection in ids else _state(each.connection, known), as_json=as_json)
        for each in sorted(waiting, key=lambda each: each.connection)
    ]
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("nothing waits" if live else "nothing waits on disk", err=True)


@command.command("show", cls=TeachingCommand, examples="router queue show tweets 'score.success>route'")
@flow_argument
@click.argument("connection")
@where_option("Those for which this is true.")
@limit_option
def show(*, flow: str, data: Path | None, connection: str, where: Any, limit: int | None) -> None:
    """Print the records that wait in a connection, as JSON lines, in the order they will be taken."""
    with _opened(flow, data) as (found, box):
        if is_running(found.folder):
            live_queue.show(found.folder, connection, where.source if where is not None else None, limit)
            return
        _check_there(box, connection)
        for count, (stored, one) in enumerate(box.records(connection, where)):
            if limit is not None and count >= limit:
                return
            _write_json(stored, one)


@command.command(
    "move", cls=TeachingCommand, examples="router queue move flows/tweets.yaml 'old.success>route' 'new.success>route'"
)
@flow_argument
@flow_options
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def move(*, flow: str, data: Path | None, source: str, target: str, **options: Any) -> None:
    """Have the records of one connection wait in another. The flow must not run meanwhile.

    Of a flow file, it is checked that the flow has the other connection, on disk.
    """
    with _opened(flow, data, to_change=True) as (found, box):
        order = _order(target, _connections(found, options))
        _check_there(box, source)
        count = box.move(source, target, order)
    _say(count, f"wait in {target!r} now")


@command.command("drop", cls=TeachingCommand, examples="router queue drop tweets 'old.success>route' --yes")
@flow_argument
@click.argument("connection")
@where_option("Those for which this is true.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(*, flow: str, data: Path | None, connection: str, where: Any, yes: bool) -> None:
    """Delete records that wait, for good: a flow that runs drops them. On a terminal it asks before."""
    found = find_data(flow, data)
    if not yes:
        which = "the records" if where is None else f"the records with {where.source}"
        confirm(f"Delete {which} that wait in {connection!r} for good?")
    if is_running(found.folder):
        count = live_queue.drop(found.folder, connection, where.source if where is not None else None)
    else:
        with _opened(flow, data, to_change=True) as (_, box):
            _check_there(box, connection)
            count = box.drop(connection, where)
    _say(count, "deleted")


# -- in common ------------------------------------------------------------------------------------


@contextmanager
def _opened(flow: str, data: Path | None, *, to_change: bool = False) -> Iterator[tuple[FlowData, QueueBox]]:
    from router.cli.data_folder import DataFolder  # noqa: PLC0415 - `--help` needs no storage
    from router.errors import DataFolderError  # noqa: PLC0415
    from router.storage.queue_box import QueueBox  # noqa: PLC0415

    found = find_data(flow, data)
    try:
        with ExitStack() as stack:
            if to_change:
                stack.enter_context(DataFolder(found.folder, found.name))
            yield found, stack.enter_context(QueueBox(found.folder))
    except DataFolderError as error:
        fail([error])


def _live(found: FlowData) -> list[Waiting]:
    """What waits in each connection of a flow that runs, as it says itself; of one that does not, nothing."""
    from router.storage.queue_box import Waiting  # noqa: PLC0415 - same

    return [Waiting(*each) for each in live_queue.waiting(found.folder)] if is_running(found.folder) else []


def _connections(found: FlowData, options: Mapping[str, Any]) -> Mapping[str, ConnectionSpec] | None:
    """The connections of the flow file; None where none was named."""
    if found.file is None:
        return None
    (flow,) = load([found.file], **options)
    return {each.id: each for each in flow.connections}


def _state(connection: str, known: Mapping[str, ConnectionSpec] | None) -> str | None:
    """What is wrong with a connection that records wait in."""
    if known is None or (connection in known and known[connection].queue.is_durable):
        return None
    return "not on disk any more" if connection in known else "not in the flow any more"


def _order(target: str, known: Mapping[str, ConnectionSpec] | None) -> Literal["fifo", "newest", "priority"]:
    from router.errors import nearest  # noqa: PLC0415 - `--help` needs no flow

    if known is None:
        return "fifo"
    if target not in known:
        fail([f"the flow has no connection {target!r}{nearest(target, known)}; it has {_named(sorted(known))}"])
    queue = known[target].queue
    if not queue.is_durable:
        fail([f"connection {target!r} is not on disk: records would not be taken from there"])
    return queue.order if queue.priority is None else "priority"


def _check_there(box: QueueBox, connection: str) -> None:
    from router.errors import nearest  # noqa: PLC0415 - same

    there = [each.connection for each in box.waiting()]
    if connection not in there:
        others = f"; records wait in {_named(there)}" if there else ""
        fail([f"nothing waits in a connection {connection!r}{nearest(connection, there)}{others}"])


def _named(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words[:10])) + (f" and {len(words) - 10} more" if len(words) > 10 else "")


def _listed(waiting: Waiting, state: str | None, *, as_json: bool) -> str:
    from router.cli.figures import plural  # noqa: PLC0415 - same

    oldest = datetime.fromtimestamp(waiting.oldest, UTC)
    if as_json:
        said = {"connection": waiting.connection, "records": waiting.records, "bytes": waiting.nbytes}
        return json.dumps(
            said | {"oldest": oldest.isoformat(timespec="milliseconds"), **({} if state is None else {"state": state})}
        )
    since = oldest.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    text = f"{waiting.connection}  {plural(waiting.records, 'record')}, the oldest of {since}"
    return text if state is None else f"{text}  ({state})"


def _write_json(stored: Stored, one: Batch) -> None:
    from router.storage.sayable import as_json, of_record  # noqa: PLC0415 - same

    said = {
        "time": datetime.fromtimestamp(stored.time, UTC).isoformat(timespec="milliseconds"),
        **of_record(one),
        "columns": {name: values[0] for name, values in one.columns.items() if values[0] is not None},
        "attributes": dict(one.attributes),
    }
    sys.stdout.buffer.write(as_json(said) + b"\n")


def _say(count: int, what: str) -> None:
    from router.cli.figures import plural  # noqa: PLC0415 - same

    click.echo(f"{plural(count, 'record')} {what}", err=True)
