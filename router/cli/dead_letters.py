"""`router dead-letters`: see, try again, take out and delete what a flow set aside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TypeVar

import click

from router.cli.asking import confirm
from router.cli.filters import limit_option, since_option, where_option
from router.cli.flow_data import FlowData, find_data, flow_argument
from router.cli.group import TeachingCommand, TeachingGroup
from router.cli.loading import fail
from router.cli.putting import check_place, place_option

if TYPE_CHECKING:
    from router.storage.letter import DeadLetter
    from router.storage.letter_box import LetterBox, Wanted

__all__ = ["command"]

_F = TypeVar("_F", bound=Callable[..., Any])
SHOWN = 100
_KINDS = {
    "list": "List dead letters, a line each.",
    "show": "Show all about dead letters.",
    "retry": "Have dead letters tried again.",
    "export": "Write dead letters as JSON lines.",
    "delete": "Delete dead letters for good.",
}


def _chosen(command: _F) -> _F:
    """`FLOW [ID...]` and what chooses among the letters."""
    ids = click.argument("ids", nargs=-1, metavar="[ID]...", type=click.IntRange(min=1))
    processor = click.option("--processor", metavar="NAME", help="Those that failed in this processor.")
    connection = click.option("--connection", metavar="ID", help="Those that were taken from this connection.")
    where = where_option("Those for which this is true; meta.error, meta.attempts, meta.key and so on are known.")
    since = since_option("Those set aside since then, such as 2h or 2026-01-31T12:00.")
    return flow_argument(ids(processor(connection(where(since(limit_option(command)))))))


@click.group(
    "dead-letters",
    cls=TeachingGroup,
    short_helps=_KINDS,
    examples="""
    router dead-letters list tweets                                by the name of the flow
    router dead-letters show flows/tweets.yaml 7                   by its file
    router dead-letters retry state/ --processor score             by its data folder
    router dead-letters list tweets --where 'meta.error.type == "DecodeError" and lang == "en"'
    router dead-letters export tweets --since 2h > letters.jsonl
    router dead-letters delete tweets 7 8
    """,
)
def command() -> None:
    """Look after the records that a flow set aside. It may run meanwhile."""


@command.command("list", cls=TeachingCommand, examples="router dead-letters list tweets --processor score")
@_chosen
@click.option("--json", "as_json", is_flag=True, help="Print each as JSON, one line each, all of them.")
def list_(*, flow: str, data: Path | None, as_json: bool, limit: int | None, **chosen: Any) -> None:
    """List dead letters, a line each.

    The oldest first, at most 100 if no --limit is given. Those in colour are to be tried again.
    """
    with _opened(flow, data) as (_, box):
        if as_json:
            for letter in box.find(_wanted(**chosen), limit):
                _write_json(letter)
            return
        most = SHOWN if limit is None else limit
        letters = list(box.find(_wanted(**chosen), most + 1))
        none = _none(box, **chosen) if not letters else ""
    if letters:
        _print_table(letters[:most])
    _say(none or _counted(letters[:most]) + ("; there are more, see them with --limit" if len(letters) > most else ""))


@command.command("show", cls=TeachingCommand, examples="router dead-letters show tweets 7")
@flow_argument
@click.argument("ids", nargs=-1, required=True, metavar="ID...", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print each as JSON, one line each.")
def show(*, flow: str, data: Path | None, ids: tuple[int, ...], as_json: bool) -> None:
    """Show all about dead letters."""
    from router.cli.letter_views import full  # noqa: PLC0415 - `--help` needs no letters
    from router.cli.terminal import has_colour, painted  # noqa: PLC0415

    with _opened(flow, data) as (_, box):
        letters = _found(box, ids)
        for place, letter in enumerate(letters):
            if as_json:
                _write_json(letter)
                continue
            if place:
                click.echo()
            for line in full(letter):
                click.echo(painted(line, colour=has_colour(sys.stdout)))
    _end(ids, letters)


@command.command(
    "retry",
    cls=TeachingCommand,
    examples="""
    router dead-letters retry tweets                                     all of them
    router dead-letters retry tweets 7 --to repair                       that one, to another processor
    router dead-letters retry tweets --where 'meta.attempts < 3'
    """,
)
@_chosen
@click.option("--heads", is_flag=True, help="Those, too, of which only the first bytes were kept.")
@place_option
def retry(
    *,
    flow: str,
    data: Path | None,
    to: str | None,
    limit: int | None,
    heads: bool,
    parameters: Mapping[str, str],
    plugins: Sequence[Path],
    secrets: Path | None,
    **chosen: Any,
) -> None:
    """Have dead letters tried again.

    A flow that runs takes them up within seconds, else its next run does: each is put on the
    connection that it was taken from when it failed. It is deleted when it is safe elsewhere; if it
    fails again, it says so. Of a flow that runs, or of a flow file, it is checked that it has --to.
    Of a record that was too large only the first bytes were kept: it is left alone but with --heads.
    """
    from router.storage.letter_box import only_heads, whole_and_heads  # noqa: PLC0415 - `--help` needs no storage

    with _opened(flow, data) as (found, box):
        check_place(found, to, parameters=parameters, plugins=plugins, secrets=secrets)
        ids, left = whole_and_heads(box.find(_wanted(**chosen), limit), with_heads=heads)
        count = box.mark(ids, to)
        none = _none(box, **chosen)
    if count or not (chosen["ids"] or left):
        _say(_marked(count) if count else none)
    if left:
        _say(f"{only_heads(left)} without --heads")
    _end(chosen["ids"], [*ids, *left])
    if left and chosen["ids"]:
        sys.exit(1)


@command.command("export", cls=TeachingCommand, examples="router dead-letters export tweets -o letters.jsonl")
@_chosen
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file, anew."
)
def export(*, flow: str, data: Path | None, output: Path | None, limit: int | None, **chosen: Any) -> None:
    """Write dead letters as JSON lines, to stdout if no file is named.

    What JSON cannot say stands there in words; content that is no text in base64.
    """
    count = 0
    with _opened(flow, data) as (_, box), _target(output) as file:
        for letter in box.find(_wanted(**chosen), limit):
            count += 1
            _write_json(letter, file)
    _say(f"{_plural(count)} written" + (f" to {output}" if output is not None else ""))


@command.command("delete", cls=TeachingCommand, examples="router dead-letters delete tweets --since 1h")
@_chosen
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, flow: str, data: Path | None, yes: bool, limit: int | None, **chosen: Any) -> None:
    """Delete dead letters for good. On a terminal it asks before."""
    with _opened(flow, data) as (found, box):
        ids = [letter.id for letter in box.find(_wanted(**chosen), limit)]
        if ids and not yes:
            confirm(f"Delete {_plural(len(ids))} of {found.name!r} for good?")
        count = box.delete(ids)
        none = _none(box, **chosen)
    _say(f"{_plural(count)} deleted" if ids or chosen["ids"] else none)
    _end(chosen["ids"], ids)


# -- in common ------------------------------------------------------------------------------------


@contextmanager
def _opened(flow: str, data: Path | None) -> Iterator[tuple[FlowData, LetterBox]]:
    from router.errors import DataFolderError  # noqa: PLC0415 - `--help` needs no storage
    from router.storage.letter_box import LetterBox  # noqa: PLC0415

    found = find_data(flow, data)
    try:
        with LetterBox(found.folder) as box:
            yield found, box
    except DataFolderError as error:
        fail([error])


def _wanted(**chosen: Any) -> Wanted:
    from router.storage.letter_box import Wanted  # noqa: PLC0415 - `--help` needs no storage

    return Wanted(**chosen)


def _found(box: LetterBox, ids: Sequence[int]) -> list[DeadLetter]:
    by_id = {letter.id: letter for letter in box.find(_wanted(ids=ids))}
    return [by_id[id_] for id_ in ids if id_ in by_id]


@contextmanager
def _target(output: Path | None) -> Iterator[Any]:
    if output is None:
        yield sys.stdout.buffer
        return
    try:
        with output.open("wb") as file:
            yield file
    except OSError as error:
        fail([f"{str(output)!r} cannot be written: {(error.strerror or str(error)).lower()}"])


def _write_json(letter: DeadLetter, file: Any = None) -> None:
    from router.storage.sayable import as_json  # noqa: PLC0415 - `--help` needs no storage

    (sys.stdout.buffer if file is None else file).write(as_json(letter.to_dict()) + b"\n")


def _print_table(letters: Sequence[DeadLetter]) -> None:
    from router.cli.letter_views import table  # noqa: PLC0415 - `--help` needs no letters
    from router.cli.terminal import has_colour, is_terminal, painted  # noqa: PLC0415

    width = get_terminal_size().columns if is_terminal(sys.stdout) else None
    for line in table(letters):
        click.echo(painted(line, colour=has_colour(sys.stdout), width=width))


def _plural(count: int) -> str:
    from router.cli.figures import plural  # noqa: PLC0415 - same

    return plural(count, "dead letter")


def _counted(letters: Sequence[DeadLetter]) -> str:
    again = sum(1 for letter in letters if letter.retry_to is not None)
    return (_plural(len(letters)) if letters else "no dead letters") + (f", {again} to be tried again" if again else "")


def _none(box: LetterBox, *, processor: str | None, connection: str | None, **_: Any) -> str:
    """That there are none of a processor or a connection, and the nearest name that some are of."""
    from router.errors import nearest  # noqa: PLC0415 - `--help` needs no storage

    processors, connections = box.places()
    for kind, name, known in (("processor", processor, processors), ("connection", connection, connections)):
        if name is not None and known and name not in known:
            return f"no dead letters of {kind} {name!r}{nearest(name, known) or '; there are some of: ' + ', '.join(known)}"
    return "no dead letters"


def _marked(count: int) -> str:
    return f"{_plural(count)} to be tried again: by the flow that runs, within seconds, or else by its next run"


def _say(text: str) -> None:
    click.echo(text, err=True)


def _end(asked: Sequence[int], found: Sequence[Any]) -> None:
    """Exit with 1 if a letter that was named is not there."""
    there = {each if isinstance(each, int) else each.id for each in found}
    missing = [str(id_) for id_ in islice((id_ for id_ in asked if id_ not in there), 10)]
    if missing:
        _say(f"no dead letter {', '.join(missing)}")
        sys.exit(1)
