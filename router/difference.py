"""What is different between two flows: which parts a reload leaves alone, changes, begins anew, and ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from router.authoring import Processor
from router.choice import Choice
from router.config import Config, settings_of
from router.flow import ConnectionSpec, Ending, Flow, FlowRun, ProcessorSpec
from router.kept import is_exactly_once
from router.secrecy import Mask
from router.showing import shown_setting

__all__ = ["Difference", "PartChange", "Setting", "compare", "difference_of"]

LIVE = ("records", "nbytes", "expire", "when_full")
"""What of a queue can be changed while records wait in it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as it was and as it is to be: as plain data that may be shown. None: it is not there."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class PartChange:
    """A processor or a connection that both flows have, and what of it is different."""

    name: str
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes one flow of another, part by part; a part that is in no list is the same in both."""

    added: tuple[str, ...] = ()
    """Processors that only the new flow has."""
    removed: tuple[str, ...] = ()
    """Processors that only the old flow has."""
    replaced: tuple[PartChange, ...] = ()
    """Processors with another type, other settings, or another `run`: stopped, and begun anew."""
    rewired: tuple[str, ...] = ()
    """Processors that only get records from elsewhere, or give them to elsewhere: they live on."""
    connections_added: tuple[str, ...] = ()
    connections_removed: tuple[str, ...] = ()
    resized: tuple[PartChange, ...] = ()
    """Connections with other limits, which keep their records."""
    remade: tuple[PartChange, ...] = ()
    """Connections of another kind or order: they must be empty to be changed."""
    flow: tuple[Setting, ...] = ()
    """What is different of the flow as a whole, and of the words that describe its parts."""

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def to_dict(self) -> dict[str, Any]:
        """As plain data, as ``router diff --json`` prints it."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    def lines(self) -> Iterator[str]:
        """A line for each part, and below it one for each setting."""
        for what in ("added", "removed"):
            yield from (f"{what} {name}" for name in getattr(self, what))
        yield from _changes("replaced", self.replaced)
        yield from (f"rewired {name}" for name in self.rewired)
        yield from (f"added connection {id_}" for id_ in self.connections_added)
        yield from (f"removed connection {id_}" for id_ in self.connections_removed)
        yield from _changes("resized connection", self.resized)
        yield from _changes("another connection", self.remade)
        yield from (f"flow: {_said(each)}" for each in self.flow)


def compare(old: Flow, new: Flow) -> Difference:
    """Find what makes the new flow of the old one; pure, nothing is made or started. Secrets are hidden."""
    mask = Mask(old.secrets | new.secrets)
    both = [name for name in new.processors if name in old.processors]
    changed = {name: tuple(_processor(old, new, name, mask)) for name in both}
    replaced = [PartChange(name, settings) for name, settings in changed.items() if settings]
    links, others = _connections(old), _connections(new)
    queues = {id_: tuple(_queue(links[id_], others[id_], mask)) for id_ in others if id_ in links}
    return Difference(
        added=tuple(name for name in new.processors if name not in old.processors),
        removed=tuple(name for name in old.processors if name not in new.processors),
        replaced=tuple(replaced),
        rewired=tuple(name for name in both if not changed[name] and _is_rewired(old, new, name)),
        connections_added=tuple(id_ for id_ in others if id_ not in links),
        connections_removed=tuple(id_ for id_ in links if id_ not in others),
        resized=tuple(PartChange(id_, each) for id_, each in queues.items() if each and _is_live(each)),
        remade=tuple(PartChange(id_, each) for id_, each in queues.items() if not _is_live(each)),
        flow=tuple(_flow(old, new, both, mask)),
    )


def difference_of(plain: Mapping[str, Any]) -> Difference:
    """Read again what ``to_dict`` wrote."""
    return Difference(**{name: tuple(map(_read, found)) for name, found in plain.items()})


def routes_of(spec: ProcessorSpec) -> dict[str, list[str]]:
    """Where each relationship of a processor leads: ids of connections, and endings."""
    return {
        name: [each.value if isinstance(each, Ending) else each.id for each in targets]
        for name, targets in spec.routes.items()
    }


# -- processors -----------------------------------------------------------------------------------


def _processor(old: Flow, new: Flow, name: str, mask: Mask) -> Iterator[Setting]:
    """What of a processor is different, so that it must be begun anew."""
    before, after = old.processors[name], new.processors[name]
    if before.kind.type_name != after.kind.type_name:
        yield Setting("type", before.kind.type_name, after.kind.type_name)
        return
    if not _is_same_kind(old, new, before, after):
        yield Setting("type", before.kind.type_name, f"{after.kind.type_name} (its code has changed)")
    yield from _settings(before.config, after.config, mask, (old, new))
    yield from _settings(before.run, after.run, mask, (old, new), "run.")
    exact = [is_exactly_once(old, before), is_exactly_once(new, after)]
    if exact[0] is not exact[1]:  # it was told so when it was started, and keeps what it holds accordingly
        yield Setting("exactly once", *exact)


def _is_same_kind(old: Flow, new: Flow, before: ProcessorSpec, after: ProcessorSpec) -> bool:
    """The same class, or one from a file that was read again and says the same."""
    if before.kind is after.kind:
        return True
    names = [(each.kind.__module__, each.kind.__qualname__) for each in (before, after)]
    return names[0] == names[1] and _code_of(old, before.kind) == _code_of(new, after.kind)


def _code_of(flow: Flow, kind: type[Processor | Choice]) -> object:
    """What a class is: the content of the plugin file it is from, or where it is from none, itself."""
    found = flow.registry.code_of(kind.type_name, kind) if flow.registry is not None else None
    return found or kind


def _is_rewired(old: Flow, new: Flow, name: str) -> bool:
    before, after = ([(each.id, each.input) for each in flow.inputs_of(name)] for flow in (old, new))
    return before != after or routes_of(old.processors[name]) != routes_of(new.processors[name])


# -- settings -------------------------------------------------------------------------------------


def _settings(
    before: Config, after: Config, mask: Mask, flows: tuple[Flow, Flow], prefix: str = ""
) -> Iterator[Setting]:
    olds, news = settings_of(before), settings_of(after)
    for name in dict.fromkeys((*olds, *news)):
        old, new = olds.get(name), news.get(name)
        if _value(old, flows[0]) != _value(new, flows[1]):
            kind = type(after if name in news else before)
            shown = [_hidden(shown_setting(name, each), mask) for each in (old, new)]
            if shown[0] == shown[1]:  # secrets, or code
                shown[1] = f"{shown[1]} (another)"
            yield Setting(f"{prefix}{kind.model_fields[name].alias or name}", *shown)


def _value(value: Any, flow: Flow) -> Any:
    """A setting so that two are equal that mean the same, though their classes were loaded twice."""
    if isinstance(value, Choice):
        return value.type_name, _code_of(flow, type(value)), _value(value.config, flow)
    if isinstance(value, Config):
        return {name: _value(each, flow) for name, each in settings_of(value).items()}
    if isinstance(value, Mapping):
        return [(name, _value(each, flow)) for name, each in value.items()]  # in order: that of `when` has a meaning
    if isinstance(value, list | tuple):
        return [_value(each, flow) for each in value]
    if isinstance(value, Path):
        return value.absolute()
    source, folder = getattr(value, "source", None), getattr(value, "folder", None)
    meant = (source, Path(folder).absolute()) if isinstance(folder, str) else value  # however the flow's path was given
    if isinstance(source, str) and flow.registry is not None:  # an expression may call what plugins brought
        return type(value).__name__, meant, flow.registry.code_called(source)
    return meant


def _hidden(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {name: _hidden(each, mask) for name, each in value.items()}
    return [_hidden(each, mask) for each in value] if isinstance(value, list) else value


# -- connections, the flow ------------------------------------------------------------------------


def _connections(flow: Flow) -> dict[str, ConnectionSpec]:
    return {each.id: each for each in flow.connections}


def _queue(old: ConnectionSpec, new: ConnectionSpec, mask: Mask) -> Iterator[Setting]:
    before, after = ({**settings_of(each.queue), "records": each.queue.max_records} for each in (old, new))
    before["nbytes"], after["nbytes"] = old.queue.max_bytes, new.queue.max_bytes
    for name, value in after.items():
        if before[name] != value:
            alias = type(new.queue).model_fields[name].alias or name
            yield Setting(alias, *(_hidden(shown_setting(name, each), mask) for each in (before[name], value)))


def _is_live(settings: Iterable[Setting]) -> bool:
    live = {*LIVE, "bytes"}
    return all(each.name in live for each in settings)


def _flow(old: Flow, new: Flow, both: Iterable[str], mask: Mask) -> Iterator[Setting]:
    for name in ("name", "version", "description"):
        if getattr(old, name) != getattr(new, name):
            yield Setting(name, mask(getattr(old, name)), mask(getattr(new, name)))
    for name in FlowRun.model_fields:
        before, after = getattr(old.run, name), getattr(new.run, name)
        if name != "defaults" and before != after:  # those are in each processor's own
            yield Setting(f"run.{name}", *(_hidden(shown_setting(name, each), mask) for each in (before, after)))
    for name in both:
        before, after = old.processors[name].description, new.processors[name].description
        if before != after:
            yield Setting(f"{name}.description", mask(before), mask(after))


# -- telling --------------------------------------------------------------------------------------


def _changes(what: str, parts: Iterable[PartChange]) -> Iterator[str]:
    for part in parts:
        yield f"{what} {part.name}" + ("" if part.settings else ": records come to it again")
        yield from (f"  {_said(each)}" for each in part.settings)


def _said(setting: Setting) -> str:
    return f"{setting.name}: {_short(setting.old)} -> {_short(setting.new)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 200


def _plain(found: tuple[Any, ...]) -> list[Any]:
    return [
        {"name": each.name, "old": each.old, "new": each.new}
        if isinstance(each, Setting)
        else {"name": each.name, "settings": _plain(each.settings)}
        if isinstance(each, PartChange)
        else each
        for each in found
    ]


def _read(plain: Any) -> Any:
    if isinstance(plain, str):
        return plain
    if "settings" in plain:
        return PartChange(plain["name"], tuple(Setting(**each) for each in plain["settings"]))
    return Setting(**plain)
