"""Connect the processors of a flow: each target checked against what it leads to and what leads there."""

from __future__ import annotations

from collections.abc import Mapping

from router.config import Config
from router.errors import nearest
from router.flow import ConnectionSpec, Ending, ProcessorSpec, RunOptions
from router.loader.document import Path, Problems
from router.loader.drafts import Draft
from router.loader.targets import OTHERS, Target
from router.relationship import RETRY, UNAVAILABLE, Unconnected

Routes = dict[str, tuple[ConnectionSpec | Ending, ...]]


def wire(drafts: Mapping[str, Draft], problems: Problems) -> dict[str, ProcessorSpec]:
    """Make a spec of each draft, with its routes; what is wrong is noted."""
    wiring = _Wiring(drafts, problems)
    return {name: _spec(draft, wiring.routes(draft)) for name, draft in drafts.items()}


def _spec(draft: Draft, routes: Routes) -> ProcessorSpec:
    return ProcessorSpec(
        name=draft.name,
        # A draft that lacks a part has been noted, so nobody will see its spec.
        kind=draft.kind,  # type: ignore[arg-type]
        config=draft.config if draft.config is not None else Config(),
        relationships=draft.relationships or (),
        routes=routes,
        run=draft.run if draft.run is not None else RunOptions(),
        description=draft.description,
        inputs=draft.inputs or (),
    )


class _Wiring:
    def __init__(self, drafts: Mapping[str, Draft], problems: Problems) -> None:
        self._drafts = drafts
        self._problems = problems
        self._ids: dict[str, Path] = {}
        self._meant: set[tuple[str, str]] = set()

    def routes(self, draft: Draft) -> Routes:
        """Where each relationship of a processor leads."""
        routes: Routes = {}
        for relationship in draft.targets:
            if relationship != OTHERS:
                self._check_relationship(draft, relationship)
                routes[relationship] = self._resolved(draft, relationship, draft.targets[relationship])
        self._spread(draft, routes)
        self._check_connected(draft, routes)
        return routes

    def _check_relationship(self, draft: Draft, name: str) -> None:
        if draft.relationships is None or name in (names := [each.name for each in draft.relationships]):
            return
        path = self._relationship_path(draft, name)
        if name == RETRY.name:
            said = "'retry' goes back to the processor by itself; it cannot be connected"
        elif name == UNAVAILABLE.name:
            said = "'unavailable' needs 'run: {retry: ...}': without it retries do not end"
        else:
            said = f"no relationship {name!r}{nearest(name, names) or _one_of(names)}"
            self._meant |= {(draft.name, each) for each in names if repr(each) in nearest(name, names)}
        self._problems.spoil(path, said)

    def _relationship_path(self, draft: Draft, name: str) -> Path:
        """Where a relationship is named: in `to`, or where a bare target means it, `to` itself."""
        path = (*draft.path, "to")
        targets = draft.targets.get(name, [])
        named = any(each.path[: len(path) + 1] == (*path, name) for each in targets) or not targets
        return (*path, name) if named else path

    def _resolved(self, draft: Draft, relationship: str, targets: list[Target]) -> tuple[ConnectionSpec | Ending, ...]:
        seen: set[tuple[str, str | None]] = set()
        found: list[ConnectionSpec | Ending] = []
        for target in targets:
            where = (target.processor, target.input)
            if where in seen:
                shown = target.processor if target.input is None else f"{target.processor}.{target.input}"
                self._problems.spoil(target.path, f"{shown!r} stands twice in {relationship!r}", place=self._at(target))
                continue
            seen.add(where)
            resolved = target.ending or self._connection(draft, relationship, target)
            if resolved is not None:
                found.append(resolved)
        return tuple(found)

    def _connection(self, draft: Draft, relationship: str, target: Target) -> ConnectionSpec | None:
        said = self._refusal(target)
        if said:
            self._problems.spoil(target.path, said, place=self._at(target))
            return None
        suffix = f".{target.input}" if target.input else ""
        id_ = target.name or f"{draft.name}.{relationship}>{target.processor}{suffix}"
        if id_ in self._ids:
            line, _ = self._problems.document.key_place(self._ids[id_])
            first = f" in line {line}" if line else ""
            self._problems.spoil(target.path, f"a connection {id_!r} is there already{first}; choose another name")
        self._ids[id_] = target.path
        return ConnectionSpec(id_, draft.name, relationship, target.processor, target.input, target.queue)

    def _refusal(self, target: Target) -> str:
        consumer = self._drafts.get(target.processor)
        if consumer is None:
            words = [*self._drafts, *(each.value for each in Ending)]
            return f"no processor {target.processor!r}{nearest(target.processor, words)}"
        if consumer.is_source:
            return f"{target.processor!r} is a source; nothing can be sent to it"
        if consumer.inputs is None or target.input in consumer.inputs:
            return ""
        if target.input is not None:
            options = [f"{consumer.name}.{each}" for each in consumer.inputs] or [consumer.name]
            return f"{consumer.name!r} has no input {target.input!r}; write {' or '.join(map(repr, options))}"
        if consumer.inputs:
            options = [repr(f"{consumer.name}.{each}") for each in consumer.inputs]
            return f"{consumer.name!r} has named inputs; write {' or '.join(options)}"
        return ""

    def _spread(self, draft: Draft, routes: Routes) -> None:
        """Give ``"*"`` its meaning."""
        if OTHERS not in draft.targets or draft.relationships is None:
            return
        others = [
            each.name
            for each in draft.relationships
            if each.name not in routes and each.unconnected is Unconnected.ERROR
        ]
        path = (*draft.path, "to", OTHERS)
        if not others:
            left = [each.name for each in draft.relationships if each.name not in routes]
            hint = f"; name {' or '.join(map(repr, left))} if you mean it" if left else ""
            self._problems.spoil(path, f"'*' stands for nothing: no other relationship must be connected{hint}")
        for name in others:
            routes[name] = self._resolved(draft, name, draft.targets[OTHERS])

    def _check_connected(self, draft: Draft, routes: Routes) -> None:
        for each in draft.relationships or ():
            if each.name in routes or each.unconnected is not Unconnected.ERROR:
                continue
            path = (*draft.path, "to")
            if (draft.name, each.name) not in self._meant and not self._problems.is_spoiled(path):
                said = f"relationship {each.name!r} goes nowhere; connect it or send it to 'drop'"
                self._problems.add(path, said)

    def _at(self, target: Target) -> tuple[int, int]:
        return self._problems.document.value_place(target.path)


def _one_of(names: list[str]) -> str:
    return f"; it has {' and '.join(map(repr, names)) or 'none'}"
