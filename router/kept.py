"""Where what a call gives is kept on disk, so that all of it can commit together."""

from __future__ import annotations

from router.expression import Expression
from router.flow import ConnectionSpec, Ending, Flow, ProcessorSpec
from router.relationship import Unconnected

__all__ = ["is_exactly_once", "is_kept"]

_KEPT = (Unconnected.DROPPED, Unconnected.DEAD_LETTERS, Unconnected.ERROR)


def is_kept(spec: ProcessorSpec) -> bool:
    """True if records of this processor go to disk connections, and nowhere else but to a deliberate end.

    Not so with a key in ``run.ordered``: a batch is then called in parts, each at its own time.
    """
    targets = [target for targets in spec.routes.values() for target in targets]
    if not any(isinstance(each, ConnectionSpec) for each in targets) or isinstance(spec.run.ordered, Expression):
        return False
    is_all_on_disk = all(
        each.queue.is_durable if isinstance(each, ConnectionSpec) else each is not Ending.REJECT for each in targets
    )
    ends = [each.unconnected for each in spec.relationships if each.name not in spec.routes]
    return is_all_on_disk and all(each in _KEPT for each in ends)


def is_exactly_once(flow: Flow, spec: ProcessorSpec) -> bool:
    """True if what it takes is on disk too: records taken, state and outputs commit in one transaction."""
    inputs = flow.inputs_of(spec.name)
    return bool(inputs) and all(each.queue.is_durable for each in inputs) and is_kept(spec)
