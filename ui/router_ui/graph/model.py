"""What a layout is made of, and what it says: boxes, labels and the lines between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["EAST", "NORTH", "SOUTH", "WEST", "Edge", "Layout", "Part", "Rect", "Size", "Spacing", "Wire"]

NORTH, SOUTH, EAST, WEST = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Size:
    """How many cells something takes."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection, with the width of what is written on it."""

    id: str
    producer: str
    consumer: str
    width: int


@dataclass(frozen=True, slots=True)
class Spacing:
    """Rows that are left free at least."""

    below_box: int = 1
    above_box: int = 0
    beside: int = 2


@dataclass(frozen=True, slots=True)
class Rect:
    """Cells of a box or a label."""

    x: int
    y: int
    width: int
    height: int

    @property
    def centre(self) -> int:
        """The column of its lines."""
        return self.x + self.width // 2

    @property
    def right(self) -> int:
        """The first column behind it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.y + self.height

    def has(self, x: int, y: int) -> bool:
        """True if a cell is within."""
        return self.x <= x < self.right and self.y <= y < self.bottom

    def overlaps(self, other: Rect) -> bool:
        """True if a cell is within both."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


@dataclass(slots=True, eq=False)
class Part:
    """What takes columns in a rank: the box of a processor, the label of a connection, or its line that passes.

    ``x`` is the column of its centre.
    """

    rank: int
    width: int
    box: str | None = None
    edge: Edge | None = None
    is_label: bool = False
    is_back: bool = False
    x: int = 0

    @property
    def left(self) -> int:
        """Its first column."""
        return self.x - self.width // 2

    @property
    def name(self) -> str | None:
        """The processor or connection it stands for; None: a line that passes."""
        return self.box if self.edge is None else self.edge.id if self.is_label else None


@dataclass(slots=True)
class Wire:
    """What the line of one net does in one cell: for each connection it belongs to, the sides it leaves by."""

    net: object
    edges: dict[str, int] = field(default_factory=dict)

    @property
    def sides(self) -> int:
        """All of them together."""
        found = 0
        for each in self.edges.values():
            found |= each
        return found


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is. Lines are joined where they belong to one net, and cross where they do not."""

    width: int
    height: int
    boxes: Mapping[str, Rect]
    labels: Mapping[str, Rect]
    ranks: Sequence[Sequence[str]]
    """Names and ids from left to right, rank by rank."""
    wires: Mapping[int, Mapping[int, list[Wire]]]
    """By row and column."""
    paths: Mapping[str, Sequence[tuple[int, int]]]
    """The corners, as column and row, of the line of each connection, from its producer's border to its consumer's."""
    rising: Sequence[tuple[int, int]]
    """Cells where the line of a cycle leads up."""
