"""What a plugin author subclasses: Processor and Source, and the Context the engine hands to them."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from enum import Enum
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, get_type_hints, runtime_checkable

from router.ack import Ack, Outcome
from router.batch import Batch
from router.codec import JSON, Codec
from router.config import Config
from router.relationship import FAILURE, RESERVED, SUCCESS, Relationship

__all__ = [
    "Context",
    "Held",
    "Processor",
    "Produced",
    "Result",
    "Routes",
    "Source",
    "State",
    "Why",
]

Routes: TypeAlias = Mapping[str, Batch]
"""Batches by the name of the relationship they leave by."""
Result: TypeAlias = "Batch | Routes | None"
"""A batch leaves by ``success``; None: nothing flows on."""
Produced: TypeAlias = "tuple[Batch | Routes, object] | list[tuple[Batch | Routes, object]]"
"""What a source gives: records, and the token by which ``settled`` will speak of them; or a list of such pairs."""


class Why(Enum):
    """Why a processor is woken."""

    TIME = "time"
    """The moment it asked for with ``context.wake_at`` has come."""
    FULL = "full"
    """It holds as much as it may, or the flow waits for what it holds: let go of something."""
    INPUT_ENDED = "input_ended"
    """Nothing will come any more: give what is held."""
    STOPPING = "stopping"
    """The flow stops: close what is open, give no half results."""


@runtime_checkable
class Held(Protocol):
    """Records whose origins wait until the processor that holds them lets go."""

    @property
    def batch(self) -> Batch:
        """The records held."""

    def release(self, outcome: Outcome = Outcome.DELIVERED) -> None:
        """Let go, with what became of the records; a second release does nothing.

        Inside ``process`` or ``wake`` it takes effect after the outputs of that call are put.
        """


class State(Protocol):
    """Values a processor keeps by key, its own by its name in the flow; there again after a restart.

    What a call puts is seen at once by the calls after it, and on disk together with what
    the call gave: in one transaction where all that goes to disk connections, else when
    every record of the call is safe. So after a crash state is never ahead of the records
    that come again; it may be behind, and then sees some of them twice. Values are what a
    record may hold. Outside of a call a put is on disk when it returns.
    """

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Look up keys; those that are absent or expired are absent in the answer."""

    async def put_many(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        """Set values; ``expire`` is how many seconds they live."""

    def put_soon(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        """Set values without waiting, as ``Source.settled`` may; on disk with one of the next commits."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Forget keys; one that is absent is no error."""

    async def scan(self, prefix: str = "") -> dict[str, Any]:
        """All keys that begin with ``prefix``, with their values."""


class Context(Protocol):
    """What the engine offers a processor while it works.

    The same object serves ``start``, ``process``, ``wake``, ``produce`` and ``stop`` of one
    processor. Apart from ``now`` and ``bulletin`` it belongs to the flow's event loop;
    under ``execution: thread`` the engine carries calls over.
    """

    @property
    def name(self) -> str:
        """The processor's name in the flow."""

    @property
    def flow(self) -> str:
        """The flow's name."""

    @property
    def state(self) -> State:
        """What this processor keeps by key."""

    @property
    def is_exactly_once(self) -> bool:
        """True where the records taken, the state written and the outputs of a call commit in one transaction.

        So it is between disk connections: each record has its effect once, whatever crashes.
        """

    def now(self) -> float:
        """The flow's time in seconds since 1970; a test moves it by hand."""

    async def sleep(self, seconds: float) -> None:
        """Wait by the flow's clock."""

    def wake_at(self, time: float | None) -> None:
        """Ask for ``wake(TIME)`` at ``time``; the newest wish counts, None takes it back."""

    def hold(self, batch: Batch) -> Held:
        """Keep these records' origins waiting after ``process`` has returned.

        Held records count against the processor's own ``hold`` limit; at the limit it is
        woken with FULL and gets no more until something is released.
        """

    def reply(self, batch: Batch, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answer the requests these records came from, each by its ``index``; the first answer wins."""

    def bulletin(self, text: str, /, **data: object) -> None:
        """Tell the operator: a constant sentence, its data beside it."""


class Processor:
    """A step of a flow: batches in, batches out by named relationships.

    Subclass it for what a function cannot say. The engine calls ``start`` once, then
    ``process`` for each batch, one call at a time unless ``run.concurrency`` is above 1,
    and ``stop`` at the end; metrics, retries, dead letters and provenance are wrapped
    around every processor by the engine.

    ``process`` that raises: ``RetryableError`` is the world's fault, the batch is tried
    again after a while without limit; any other exception is the records' fault, the
    batch is tried again in halves until the bad records are found, which leave by
    ``failure``. What a raising call held, released, replied or stored is undone.
    After a kill the records that had not settled come again from their source.

    Example:
        >>> class Shout(Processor):
        ...     '''Upper-case the text of a post.'''
        ...     type_name = "shout"
        ...     def process(self, batch, context):
        ...         return batch.with_fields(text=[text.upper() for text in batch.values("text")])
    """

    type_name: ClassVar[str] = ""
    """The type in a flow file; a file ``verb_noun.py`` holds type ``verb_noun``."""
    config: Config
    """The settings; annotate it with a subclass of Config to have any."""
    relationships: ClassVar[tuple[Relationship, ...]] = (SUCCESS, FAILURE)
    """The ways out."""
    reads: Literal["rows", "content", "any"] = "rows"
    """What ``process`` looks at. The engine decodes or encodes before the call and sends what cannot be to ``failure``;
    with "any" it only makes sure of the fields that ``fields`` names."""
    codec: Codec = JSON
    """With ``reads = "content"``: the codec the content comes in."""
    keyed_state: ClassVar[bool] = False
    """True: it keeps state by key, so several calls may overlap only where ``ordered`` names that key."""
    adds_fields: ClassVar[bool] = False
    """True: it gives its records on with more fields, so that with ``reads = "any"`` it is given rows where those that
    come behind it look at rows, and bytes where they do not."""
    is_sink: ClassVar[bool] = False
    """True: ``success`` may stay unconnected, the records are where they should be."""
    pure_rows: ClassVar[bool] = False
    """True: it reads nothing but the records, so worker processes may run it."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config if config is not None else self.config_class()()

    @property
    def decodes(self) -> bool:
        """True if it looks into whole records, so that those who set fields before it had better make rows."""
        return self.reads == "rows"

    @classmethod
    def config_class(cls) -> type[Config]:
        """The class of ``config``, from its annotation."""
        for base in cls.__mro__:
            if "config" in vars(base).get("__annotations__", {}):
                found = get_type_hints(base).get("config")
                return found if inspect.isclass(found) and issubclass(found, Config) else Config
        return Config

    @classmethod
    def relationships_for(cls, config: Any) -> tuple[Relationship, ...]:
        """The ways out with these settings; pure. Default: ``relationships``."""
        return cls.relationships

    @classmethod
    def inputs_for(cls, config: Any) -> tuple[str, ...]:
        """Named inputs, addressed as ``name.input``; their records carry the name in the column ``input``."""
        return ()

    @classmethod
    def run_for(cls, config: Any) -> Mapping[str, Any]:
        """What ``run`` says with these settings, where the flow does not; pure. Default: nothing."""
        return {}

    @classmethod
    def holds_for(cls, config: Any) -> float | None:
        """How long it may hold a record before it lets go, in seconds; pure. None: it holds none, or none knows."""
        return None

    @classmethod
    def reads_from(cls, config: Any) -> Iterable[str]:
        """What it reads outside, each by one name; pure. A flow that writes to the same is refused."""
        return ()

    @classmethod
    def writes_to(cls, config: Any) -> Iterable[str]:
        """What it writes outside while others may be reading there, by the names ``reads_from`` uses; pure."""
        return ()

    @classmethod
    def check(cls, config: Any) -> Iterable[str]:
        """Say what settings, each fine alone, cannot do together; pure, called when a flow is loaded."""
        return ()

    def fields(self) -> frozenset[str]:
        """The fields that expressions of this processor read: they join the flow's projection."""
        return frozenset()

    async def start(self, context: Context) -> None:
        """Open what ``process`` needs. Sinks start first; RetryableError is tried again."""

    async def stop(self, context: Context) -> None:
        """Close it; called once after a ``start`` that returned or raised, whatever happened between."""

    def process(self, batch: Batch, context: Context) -> Result | Awaitable[Result] | AsyncIterator[Result]:
        """Work on one batch, never empty: return a batch, batches by relationship, or None.

        A record that is in no output and not held counts as dropped. May be ``async def``,
        or an async generator whose every yield is put before the next is asked for; between
        disk connections they are put together, when it has ended.
        """
        raise NotImplementedError

    async def wake(self, context: Context, why: Why) -> Result:
        """Give what was held, because of ``why``; never overlaps ``process`` of the same processor."""
        return None


class Source(Processor):
    """A processor without input: it produces batches and is told what became of them.

    Example:
        >>> class Count(Source):
        ...     '''Count to three.'''
        ...     type_name = "count"
        ...     async def produce(self, context):
        ...         for number in range(3):
        ...             yield Batch.of([{"n": number}]), number
    """

    relationships: ClassVar[tuple[Relationship, ...]] = (SUCCESS,)

    def produce(self, context: Context) -> AsyncIterator[Produced]:
        """Give batches, each with a token of the source's own, until there is no more.

        An async generator. The engine asks for the next when the last is put, which waits
        while connections are full. Cancelled at its yield when the flow stops.

        What came from several sides at once, such as the requests of many clients, is given
        as a list of pairs: it travels as one batch, which costs the flow what one costs, and
        each token settles by itself.
        """
        raise NotImplementedError

    def settled(self, ack: Ack) -> None:
        """Hear what became of a token: commit, rewind, answer. Once per token, in any order, must not block."""

    def replied(self, ack: Ack) -> None:
        """Hear that one more record of a token was answered before all are done, see ``ack.replies``; must not block.

        For a source that passes answers on before ``settled``.
        """

    def progress(self) -> tuple[int, int | None] | None:
        """How far it is, in a unit of its own, and of how much; None where that is not known."""
        return None


def check_class(kind: type[Processor]) -> None:
    """Refuse a class that breaks the contract, with what is wrong.

    Raises:
        TypeError: a missing ``type_name``, a reserved relationship name, no ``process``.
    """
    if not kind.type_name:
        raise TypeError(f"{kind.__name__} has no type_name")
    for relationship in kind.relationships:
        if relationship.name in RESERVED:
            raise TypeError(f"{kind.__name__}: the relationship name {relationship.name!r} belongs to router")
    needed = "produce" if issubclass(kind, Source) else "process"
    if getattr(kind, needed) is getattr(Source if needed == "produce" else Processor, needed):
        raise TypeError(f"{kind.__name__} has no {needed} method")
