"""A table as the database describes it, and what a flow may ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from router import nearest


class Form(Enum):
    """What a column does with a value, beyond what the database does by itself."""

    VALUE = "value"
    TEXT = "text"
    """Bytes are read as UTF-8."""
    BYTES = "bytes"
    """Text is written as UTF-8."""
    JSON = "json"
    """Every value is written as JSON, texts too."""
    INTEGER = "integer"
    """A float without a fraction is taken."""
    TIME = "time"
    """It knows no offset, so text that has one is moved to UTC."""
    ARRAY = "array"
    """Lists are the database's own, not JSON."""


class TableError(Exception):
    """A table that is not there, or not as the flow says: whoever wrote the flow, or keeps the database, mends it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``type`` is as its database writes it."""

    name: str
    type: str
    form: Form = Form.VALUE
    is_nullable: bool = True
    is_writable: bool = True
    is_serial: bool = False
    """Where it is not written the database numbers the rows."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns by name, and the sets of columns that are unique in it."""

    name: str
    columns: Mapping[str, Column]
    unique: tuple[frozenset[str], ...] = ()

    def problem(self, column: str) -> str | None:
        """Why a column cannot be written."""
        found = self.columns.get(column)
        if found is None:
            return f"table {self.name!r} has no column {column!r}{nearest(column, self.columns)}"
        if not found.is_writable:
            return f"table {self.name!r} computes its column {column!r} itself"
        return None

    def check(self, columns: Iterable[str], match: Sequence[str]) -> None:
        """See that columns can be written, and rows told apart.

        Raises:
            TableError: with every problem there is.
        """
        problems = [problem for each in dict.fromkeys([*columns, *match]) if (problem := self.problem(each))]
        if match and not problems and frozenset(match) not in self.unique:
            names = ", ".join(match)
            problems.append(
                f"table {self.name!r} has no unique index on 'match' ({names}); make one: "
                f"CREATE UNIQUE INDEX {self.name.rpartition('.')[2]}_match ON {self.name} ({names})"
            )
        if problems:
            raise TableError("; ".join(problems))


def missing(name: str, names: Iterable[str], aside: str = "") -> TableError:
    """Say that there is no such table, with the nearest there is."""
    return TableError(f"no table {name!r}{aside}{nearest(name, names)}")
