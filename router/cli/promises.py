"""What a flow promises before it runs: where records wait, what a crash does, who cannot be answered."""

from __future__ import annotations

from collections.abc import Iterator

from router.cli.figures import plural, rate, seconds
from router.flow import ConnectionSpec, Flow, ProcessorSpec
from router.kept import is_exactly_once

__all__ = ["promises"]


def promises(flow: Flow) -> Iterator[str]:
    """One line each."""
    yield f"{plural(len(flow.processors), 'processor')}, {plural(len(flow.connections), 'connection')}; {_waits(flow)}"
    yield "at-least-once: a source hears that a record is safe only when it is"
    yield _crash(flow)
    yield from _stateful(flow)
    yield from _unanswered(flow)
    yield from _held_long(flow)
    setting_aside = [
        name
        for name, spec in flow.processors.items()
        if any(each.name == "failure" for each in spec.relationships) and not spec.routes.get("failure")
    ]
    if setting_aside:
        yield f"dead letters: what fails in {', '.join(setting_aside)}"


def _on_disk(flow: Flow) -> list[ConnectionSpec]:
    return [each for each in flow.connections if each.queue.is_durable]


def _waits(flow: Flow) -> str:
    on_disk = len(_on_disk(flow))
    if not on_disk:
        return "what waits, waits in memory"
    if on_disk == len(flow.connections):
        return "what waits, waits on disk"
    return f"{on_disk} of them on disk"


def _crash(flow: Flow) -> str:
    on_disk = [each.id for each in _on_disk(flow)]
    if not on_disk:
        return "a crash loses what waits; a source that keeps a position gives it again"
    return f"a crash loses nothing that has come to {', '.join(on_disk)}; it comes again from there"


def _stateful(flow: Flow) -> Iterator[str]:
    for name, spec in flow.processors.items():
        if is_exactly_once(flow, spec):
            yield f"{name}: exactly once: what it takes, keeps and gives commits together"
        elif spec.kind.keyed_state:
            yield f"{name}: after a crash it may see records twice; with disk queues on all its sides it would not"


def _unanswered(flow: Flow) -> Iterator[str]:
    """Processors that answer requests, where a connection on disk has answered them already."""
    cut = {each.consumer for each in _on_disk(flow)}
    behind = cut | {name for each in cut for name in flow.downstream_of(each)}
    for name, spec in flow.processors.items():
        if name in behind and spec.kind.type_name == "respond":
            yield f"{name}: nobody waits for its answers: a disk queue before it has settled the requests, with 202"


def _held_long(flow: Flow) -> Iterator[str]:
    """Sources that wait for records held long: no more of theirs than `max_uncommitted` may be without an end."""
    for name, spec in flow.processors.items():
        held = spec.kind.holds_for(spec.config)
        if not held:
            continue
        for source in _sources_of(flow, name):
            most = source.run.max_uncommitted
            if 0 < getattr(source.config, "rate", 0) <= most / held:  # what is slow by itself never waits
                continue
            yield (
                f"{name}: holds records for {seconds(held)}: above {rate(most / held)} a second {source.name} waits "
                f"for it, by its max_uncommitted of {most:,}; with a disk queue between them it would not"
            )


def _sources_of(flow: Flow, name: str) -> list[ProcessorSpec]:
    """The sources whose records come to a processor through memory alone."""
    found, waiting = {name}, [name]
    while waiting:
        for each in flow.inputs_of(waiting.pop()):
            if not each.queue.is_durable and each.producer not in found:
                found.add(each.producer)
                waiting.append(each.producer)
    return [spec for spec in flow.processors.values() if spec.name in found and spec.is_source]
