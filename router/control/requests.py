"""What the control API is asked: query parameters and bodies."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

__all__ = [
    "After",
    "Concurrency",
    "Drain",
    "Letters",
    "LettersPage",
    "Limits",
    "News",
    "OneLetter",
    "OneRecord",
    "Page",
    "Past",
    "Reload",
    "Replay",
    "RetryLetters",
    "SearchEvents",
    "Selection",
    "Where",
]

LONGEST_PAGE = 1000
WHOLE = 16 << 20

Text: TypeAlias = Annotated[str, Meta(max_length=4096)]
Expression: TypeAlias = Annotated[Text | None, Meta(description="An expression that is true of them.")]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=300)]
Names: TypeAlias = Annotated[list[Name], Meta(max_length=100)]
Marks: TypeAlias = Annotated[list[Annotated[str, Meta(max_length=16)]], Meta(max_length=1000)]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=LONGEST_PAGE, description="At most so many.")]
Cut: TypeAlias = Annotated[
    int, Meta(ge=1, le=WHOLE, description="Leave content out that is longer than so many bytes.")
]
Number: TypeAlias = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
Ids: TypeAlias = Annotated[list[Number], Meta(max_length=LONGEST_PAGE)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e12)]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all requests: what is not known is refused, or a misspelt filter would choose everything."""


class Where(Asked, frozen=True, kw_only=True):
    """Which records."""

    where: Expression = None


class Page(Where, frozen=True, kw_only=True):
    """Which records, and how many of them."""

    offset: Annotated[int, Meta(ge=0, le=1 << 40, description="Leave out so many of those that are meant.")] = 0
    limit: Limit = 100
    cut: Cut = 16 << 10


class OneRecord(Where, frozen=True, kw_only=True):
    """How much of a record."""

    cut: Cut = WHOLE


class Selection(Where, frozen=True, kw_only=True):
    """Records to be dropped: all of them if nothing else is said."""

    ids: Annotated[Marks | None, Meta(description="These, by their `id`; of equal ones as many as it is named.")] = None


class Past(Asked, frozen=True, kw_only=True):
    """How much of the past, of what."""

    seconds: Annotated[int, Meta(ge=1, le=600)] = 60
    of: Annotated[Names | None, Meta(description="Processors and connections; all, if none is named.")] = None


class After(Asked, frozen=True, kw_only=True):
    """What is newer than a number."""

    after: Annotated[Count, Meta(description="Those with a higher number.")] = 0
    limit: Limit = 100


class News(After, frozen=True, kw_only=True):
    """News of all, or of one."""

    processor: Annotated[Name | None, Meta(description="Of this processor, or connection.")] = None


class Concurrency(Asked, frozen=True, kw_only=True):
    """How many calls may overlap."""

    concurrency: Annotated[int, Meta(ge=1, le=1024)]


class Limits(Asked, frozen=True, kw_only=True):
    """The limits of a connection; what is left out stays as it is."""

    records: Annotated[int, Meta(ge=1, le=1 << 40)] | UnsetType = UNSET
    nbytes: Annotated[int, Meta(ge=1, le=1 << 50)] | UnsetType = field(default=UNSET, name="bytes")


class Drain(Asked, frozen=True, kw_only=True):
    """How a flow is to be stopped."""

    drain: Annotated[
        Annotated[float, Meta(ge=0, le=86_400)] | None,
        Meta(description="Seconds to wait for records under way; None: as the flow says."),
    ] = None
    wait: Annotated[bool, Meta(description="Answer when it has ended, with how.")] = False


class Reload(Asked, frozen=True, kw_only=True):
    """How a flow is to be loaded anew."""

    file: Annotated[
        Text | None, Meta(description="From this file instead of its own; only by who asks on the same machine.")
    ] = None
    give_back: Annotated[
        bool, Meta(description="Have sources give again what would have to be waited for: some of it comes twice.")
    ] = False
    drop: Annotated[bool, Meta(description="Drop records that wait in connections which the flow has no more.")] = False


class Letters(Where, frozen=True, kw_only=True):
    """Which dead letters: all of them if nothing is said."""

    ids: Ids | None = None
    processor: Annotated[Name | None, Meta(description="Those that failed in it.")] = None
    connection: Annotated[Name | None, Meta(description="Those that were taken from it.")] = None
    since: Annotated[Seconds | None, Meta(description="Set aside then or later, in seconds since 1970.")] = None


class LettersPage(Letters, frozen=True, kw_only=True):
    """Which dead letters, and how many of them."""

    after: Annotated[Count, Meta(description="Those with a higher `id`.")] = 0
    limit: Limit = 100
    cut: Cut = 16 << 10


class OneLetter(Asked, frozen=True, kw_only=True):
    """How much of a dead letter."""

    cut: Cut = WHOLE


class RetryLetters(Letters, frozen=True, kw_only=True):
    """Which dead letters are to be tried again, and where."""

    to: Annotated[Name | None, Meta(description="A connection or a processor; None: where each failed.")] = None
    heads: Annotated[bool, Meta(description="Those, too, of which only the first bytes were kept.")] = False


class SearchEvents(Where, frozen=True, kw_only=True):
    """Which events; `where` is about the attributes of their records."""

    processor: Name | None = None
    type: Name | None = None
    record: Number | None = None
    since: Seconds | None = None
    limit: Limit = 100


class Replay(Asked, frozen=True, kw_only=True):
    """Records to be put back on their way."""

    records: Annotated[list[Number], Meta(min_length=1, max_length=LONGEST_PAGE)]
    to: Annotated[Name | None, Meta(description="A connection or a processor; None: where each was.")] = None


def query_of(asked: Asked) -> list[tuple[str, str]]:
    """A request as the parameters of a URL; what is as it would be anyway is left out."""
    found: list[tuple[str, str]] = []
    for name in asked.__struct_fields__:
        value: Any = getattr(asked, name)
        if value is None or value is UNSET:
            continue
        found += [(name, str(each)) for each in (value if isinstance(value, list) else [value])]
    return found
