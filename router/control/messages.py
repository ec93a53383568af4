"""What the control API answers: plain, typed data, the same for its server, its clients and its document."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

__all__ = [
    "BulletinView",
    "BulletinsView",
    "CallsView",
    "ConnectionHistory",
    "ConnectionView",
    "Counted",
    "DeadLetterView",
    "DeadLettersView",
    "ErrorView",
    "EventView",
    "EventsView",
    "FlowSummary",
    "FlowView",
    "FlowsView",
    "Health",
    "HistoryView",
    "LineageView",
    "LogLevel",
    "LogLine",
    "LogView",
    "MemberView",
    "ProcessorDetails",
    "ProcessorHistory",
    "ProcessorView",
    "RecordView",
    "RecordsView",
    "RelationshipView",
    "ReportView",
]


def says(text: str) -> Meta:
    """What a field means, for the document."""
    return Meta(description=text)


class View(Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class ErrorView(View, frozen=True, kw_only=True):
    """Why something was not done."""

    error: Annotated[str, says("What was found, and what would be right.")]


class Health(View, frozen=True, kw_only=True):
    """Whether the process is fit for its work."""

    status: Annotated[str, says("`ok`, or why not.")]


class Counted(View, frozen=True, kw_only=True):
    """How many records something was done to."""

    records: int


# -- flows ----------------------------------------------------------------------------------------


class CallsView(View, frozen=True, kw_only=True):
    """The calls of a processor since it was started."""

    calls: int
    records: Annotated[int, says("Records they were given.")]
    seconds: Annotated[float, says("All of them together, what they waited for included.")]
    p50: Annotated[float, says("Half of them took no longer, in seconds, to a factor of two.")]
    p99: Annotated[float, says("All but one in a hundred took no longer.")]
    batch: Annotated[float, says("Records a call, on average.")]


class ProcessorView(View, frozen=True, kw_only=True):
    """A processor at one moment."""

    name: str
    type: str
    description: str
    is_source: bool
    state: Annotated[
        str,
        says(
            "`running`, `waiting` for records, `blocked` by a full connection, `retrying`, `resting`, `paused` "
            "because the dead letters are full, `stopped` by an operator, `ended`."
        ),
    ]
    is_stopped: Annotated[bool, says("An operator let it begin no more calls; some may still be under way.")]
    retrying: Annotated[str | None, says("What failed that is tried again.")]
    records_in: int
    records_out: Annotated[int, says("By all relationships.")]
    bytes_in: Annotated[int, says("What the records it took cost in memory.")]
    bytes_out: Annotated[int, says("What it put on connections cost in memory.")]
    out: Annotated[dict[str, int], says("Records by relationship.")]
    errors: Annotated[int, says("Records that failed.")]
    held: Annotated[int, says("Records it holds beyond its calls.")]
    progress: Annotated[
        tuple[int, int | None] | None,
        says("Of a source that knows: how much of its input it has behind it, of how much."),
    ]
    concurrency: Annotated[int, says("How many calls may overlap.")]
    calls: Annotated[CallsView | None, says("None of a source, which makes no calls.")]
    rate_in: Annotated[float, says("Records a second lately.")]
    rate_out: float
    rate_errors: float
    busy: Annotated[float, says("How many calls were under way lately, on average: 1.0 is one at all times.")]
    routes: Annotated[
        dict[str, list[str]], says("Where each relationship leads: connections, or `drop`, `dead_letters`, `reject`.")
    ]


class RelationshipView(View, frozen=True, kw_only=True):
    """One way out of a processor."""

    name: str
    description: str
    unconnected: Annotated[str, says("What becomes of its records where it leads nowhere.")]


class ProcessorDetails(ProcessorView, frozen=True, kw_only=True):
    """A processor with how it was made."""

    settings: Annotated[dict[str, Any], says("As the flow gives them, with their defaults; secrets as `***`.")]
    run: Annotated[dict[str, Any], says("The engine's settings of it.")]
    relationships: list[RelationshipView]
    documentation: Annotated[str, says("What its author wrote about it.")]


class ConnectionView(View, frozen=True, kw_only=True):
    """A connection at one moment."""

    id: str
    producer: str
    relationship: str
    consumer: str
    input: Annotated[str | None, says("The named input of the consumer that it leads to.")]
    queue: Annotated[str, says("`memory` or `disk`.")]
    when_full: Annotated[str, says("`block`, `drop_oldest` or `drop_newest`.")]
    expire: Annotated[float | None, says("After how many seconds records are dropped.")]
    records: Annotated[int, says("Records that wait.")]
    nbytes: Annotated[int, says("What they cost in memory.")] = field(name="bytes")
    max_records: int
    max_bytes: int
    full: Annotated[float, says("How full it is, 0 to 1: the fuller of records and bytes.")]
    oldest: Annotated[float, says("Seconds that the oldest record has waited.")]
    unacked: Annotated[int, says("Records taken whose processing is not done.")]
    waiting: Annotated[int, says("Puts of its producer that wait for room.")]
    records_in: Annotated[int, says("Records ever put.")]
    records_out: Annotated[int, says("Records ever taken.")]
    bytes_in: int
    bytes_out: int
    dropped: Annotated[int, says("Records that expired, or were shed because it was full.")]
    rate_in: Annotated[float, says("Records a second lately.")]
    rate_out: float
    full_in: Annotated[float | None, says("Seconds until it is full, as it goes now; None: it does not fill.")]


class FlowSummary(View, frozen=True, kw_only=True):
    """One of the flows that are served."""

    name: str
    description: str
    state: Annotated[str, says("`starting`, `running`, `stopping` or `failed`.")]
    seconds: Annotated[float, says("Since it was started.")]
    processors: Annotated[int, says("How many there are.")]
    queued: Annotated[int, says("Records that wait in its connections.")]
    rate: Annotated[float, says("Records a second that its sources give.")]
    dead_letters: Annotated[int, says("Records set aside in this run.")]


class FlowsView(View, frozen=True, kw_only=True):
    """The flows that are served here."""

    version: Annotated[str, says("Of router.")]
    process: Annotated[int, says("The number of the process.")]
    flows: list[FlowSummary]


class FlowView(View, frozen=True, kw_only=True):
    """A flow at one moment: its graph, and the state of each part of it."""

    name: str
    description: str
    version: Annotated[str, says("Of the flow, as its file says.")]
    file: str | None
    data: Annotated[str, says("The folder that keeps its data.")]
    process: int
    time: Annotated[float, says("Now, in seconds since 1970, as the flow sees it.")]
    state: Annotated[str, says("`starting`, `running`, `stopping` or `failed`.")]
    error: Annotated[str | None, says("What it has failed of.")]
    seconds: Annotated[float, says("Since it was started.")]
    outstanding: Annotated[int, says("Batches of its sources that have not settled.")]
    dead_letters: Annotated[int, says("Records set aside in this run.")]
    dead_letters_kept: Annotated[int, says("Records set aside that are kept, of earlier runs too.")]
    bulletins: Annotated[int, says("The number of the newest bulletin.")]
    provenance: Annotated[str, says("How much is written down of what happens to records.")]
    processors: Annotated[list[ProcessorView], says("In the order of the flow file.")]
    connections: list[ConnectionView]


class ReportView(View, frozen=True, kw_only=True):
    """How a flow has ended, or that it is about to."""

    outcome: Annotated[str, says("`done`, `stopped`, `cut_off`, `failed`; `stopping` if nobody waited for the end.")]
    seconds: float
    dead_letters: int
    error: str | None = None


# -- history --------------------------------------------------------------------------------------


class ProcessorHistory(View, frozen=True, kw_only=True):
    """The last seconds of a processor, oldest first, one figure a second."""

    records_in: Annotated[list[float], says("Records a second.")]
    records_out: list[float]
    errors: list[float]
    busy: Annotated[list[float], says("Calls under way, on average.")]
    latency: Annotated[list[float], says("Seconds a call, on average; 0 where there was none.")]


class ConnectionHistory(View, frozen=True, kw_only=True):
    """The last seconds of a connection, oldest first, one figure a second."""

    records_in: Annotated[list[float], says("Records a second.")]
    records_out: list[float]
    records: Annotated[list[float], says("Records that waited.")]
    full: Annotated[list[float], says("How full it was, 0 to 1.")]


class HistoryView(View, frozen=True, kw_only=True):
    """Figures of the last seconds, for sparklines and plots."""

    time: Annotated[float, says("When the last of them were taken, in seconds since 1970.")]
    interval: Annotated[float, says("Seconds from one to the next.")]
    processors: dict[str, ProcessorHistory]
    connections: dict[str, ConnectionHistory]


# -- records --------------------------------------------------------------------------------------


class RecordView(View, frozen=True, kw_only=True, omit_defaults=True):
    """One record: decoded where it can be, else its content as text or base64."""

    id: Annotated[str, says("Made of its content: equal records share it.")]
    position: Annotated[int, says("Its place among those that were asked for, from 0.")]
    format: Annotated[str, says("Of its content; `rows` of what is decoded and has none.")]
    size: Annotated[int, says("Of its content, in bytes; of what has none, as JSON.")]
    record: Annotated[Any, says("Its fields; None where its content is not decoded.")] = None
    content: Annotated[str | None, says("Its content, where that is text.")] = None
    content_base64: Annotated[str | None, says("Its content, where that is no text.")] = None
    is_cut: Annotated[bool, says("True if its content is too long to be shown whole here: ask for it with `cut`.")] = (
        False
    )
    columns: Annotated[dict[str, Any], says("What lies beside it: key, timestamp, headers, error and so on.")]
    attributes: Annotated[dict[str, Any], says("Of where it came from: path, topic and so on.")]


class RecordsView(View, frozen=True, kw_only=True):
    """Some of the records that wait in a connection, the first to be taken first."""

    records: list[RecordView]
    waiting: Annotated[int, says("How many wait in all, chosen or not.")]
    following: Annotated[int | None, says("The `offset` to go on with; None: there are no more.")]


class DeadLetterView(View, frozen=True, kw_only=True):
    """A record that was set aside, and why."""

    id: int
    time: Annotated[float, says("When it was set aside last, in seconds since 1970.")]
    first_time: float
    processor: Annotated[str, says("Where it failed.")]
    connection: Annotated[str | None, says("The connection it was taken from.")]
    error: Annotated[dict[str, Any], says("`type` and `message`, and what else the processor said.")]
    attempts: int
    flow_version: str
    retry_to: Annotated[str | None, says("Where it is about to be put again.")]
    record: Annotated[RecordView | None, says("None: what was stored is damaged.")]
    head_of: Annotated[
        int | None, says("Of how many bytes only the first were kept, 0: not known; None: the record is whole.")
    ] = None


class DeadLettersView(View, frozen=True, kw_only=True):
    """Some of the dead letters, oldest first."""

    letters: list[DeadLetterView]
    kept: Annotated[int, says("How many there are in all, chosen or not.")]
    following: Annotated[int | None, says("The `after` to go on with; None: there are no more.")]


# -- news -----------------------------------------------------------------------------------------


class BulletinView(View, frozen=True, kw_only=True):
    """What a processor, or the engine about it, told the operator."""

    number: Annotated[int, says("Counts up from 1.")]
    time: float
    processor: str
    text: str
    data: dict[str, str]


class BulletinsView(View, frozen=True, kw_only=True):
    """The newest bulletins, oldest first."""

    bulletins: list[BulletinView]
    newest: Annotated[int, says("The number to ask with next time, as `after`.")]


class LogLine(View, frozen=True, kw_only=True):
    """One line of the log."""

    number: int
    time: float
    level: str
    logger: str
    text: str


class LogView(View, frozen=True, kw_only=True):
    """The newest lines of the log, oldest first."""

    lines: list[LogLine]
    newest: Annotated[int, says("The number to ask with next time, as `after`.")]
    level: Annotated[str, says("The least that is logged.")]


class LogLevel(View, frozen=True, kw_only=True):
    """The least that is logged."""

    level: Annotated[
        str, Meta(pattern="^(debug|info|warning|error)$", description="`debug`, `info`, `warning`, `error`.")
    ]


# -- provenance -----------------------------------------------------------------------------------


class EventView(View, frozen=True, kw_only=True):
    """What happened to some records, in one call, on one way out."""

    time: float
    type: Annotated[str, says("`RECEIVE`, `CREATE`, `ROUTE`, `CONTENT_MODIFIED`, `FORK`, `SEND`, `DROP` and so on.")]
    processor: str
    relationship: str | None
    target: Annotated[str | None, says("A connection, or how they ended.")]
    is_end: Annotated[bool, says("True if they go no further.")]
    seconds: float
    count: Annotated[int, says("How many records it is about.")]
    records: Annotated[list[int], says("Their numbers, the first thousand.")]
    parents: Annotated[list[int], says("The records that they came of, the first thousand.")]
    attributes: dict[str, Any]
    errors: Annotated[dict[str, str], says("What failed, by the number of the record.")]


class EventsView(View, frozen=True, kw_only=True):
    """Some events, the newest first."""

    events: list[EventView]


class MemberView(View, frozen=True, kw_only=True):
    """A record with what happened to it, and in one direction its relatives."""

    record: int
    events: list[EventView]
    came_of: list[MemberView]
    became: list[MemberView]
    omitted: Annotated[int, says("Relatives that are left out, for there are too many.")]


class LineageView(View, frozen=True, kw_only=True):
    """A record with all it came of, all that came of it, and its content where that is kept."""

    member: MemberView
    connection: Annotated[str | None, says("Where the record was as its content is kept.")]
    content: RecordView | None
