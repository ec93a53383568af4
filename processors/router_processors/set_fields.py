"""Set, keep, remove and rename fields of records, and the columns beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, repeat
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import AfterValidator

from router import Batch, Config, Context, Expression, Field, Processor, Record, RecordError, failed

# Columns by which the engine finds its way: a flow may read them, not set them.
_ENGINES = frozenset({"attempts", "error", "fragment", "index", "input", "rounds"})
_STEP = re.compile(r"""(?:^|\.)([^.\[\]"']+)|\[(?:"([^"]+)"|'([^']+)')\]""")
_ABSENT = object()


class Target(NamedTuple):
    """Where a value goes: a column beside the record, or the steps to a field in it."""

    column: str | None
    steps: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Target:
        """Read ``user.name``, ``record["odd name"]``, ``meta.key``, ``meta.headers.x``."""
        quoted = text.startswith("record[")
        steps: list[str] = []
        at = len("record") if quoted else 0
        while at < len(text) and (found := _STEP.match(text, at)):
            steps.append(found[1] or found[2] or found[3])
            at = found.end()
        if at < len(text) or not steps or text.startswith("."):
            raise ValueError(f'a target is a path of names, such as user.name or record["odd name"]; got {text!r}')
        if text in ("meta", "record"):
            raise ValueError(f'{text!r} is no field; a field of that name is written record["{text}"]')
        if steps[0] == "meta" and not quoted:
            return cls(steps[1], tuple(steps[2:]))
        return cls(None, tuple(steps))

    def overlaps(self, other: Target) -> bool:
        """Whether both are the same place, or one lies in the other."""
        shorter = min(len(self.steps), len(other.steps))
        return self.column == other.column and self.steps[:shorter] == other.steps[:shorter]


def _removable(text: str) -> str:
    Target.of(text)
    return text


def _settable(text: str) -> str:
    if Target.of(text).column in _ENGINES:
        raise ValueError(f"the column {text!r} belongs to the engine")
    return text


def _field(text: str) -> str:
    if Target.of(text).column is not None:
        raise ValueError(f"only fields can be kept or renamed; {text!r} is a column: set it or remove it")
    return text


Settable: TypeAlias = Annotated[str, AfterValidator(_settable)]
Removable: TypeAlias = Annotated[str, AfterValidator(_removable)]
FieldPath: TypeAlias = Annotated[str, AfterValidator(_field)]


class SetFieldsConfig(Config):
    """Settings of ``set_fields``."""

    set: dict[Settable, Expression] = Field(
        default_factory=dict,
        description="Target: expression. It reads the record as it came.",
        examples=[{"length": "length(text)", "meta.key": "user.id"}],
    )
    values: dict[Settable, Any] = Field(
        default_factory=dict, description="Target: literal.", examples=[{"source": "posts", "tags": ["new"]}]
    )
    keep: list[FieldPath] | None = Field(None, description="The fields to keep; all others are removed.")
    remove: list[Removable] = Field(default_factory=list, description="Fields and columns to remove.")
    rename: dict[FieldPath, FieldPath] = Field(
        default_factory=dict, description="Old name: new name. A field that is missing is left out."
    )


class SetFields(Processor):
    """Set fields and columns; keep, remove and rename fields.

    A target is a path: `user.name`, `record["odd name"]`, and for what lies beside the record
    `meta.key`, `meta.timestamp`, `meta.headers.NAME`. Expressions read the record as it came,
    whatever else is set; then, in this order: `keep`, `remove`, `rename`, `values`, `set`. So
    `rename: {a: b, b: a}` swaps, and what is set need not be kept. Objects on the way to a
    target are made where they are missing; where something else is there the record leaves by
    `failure`. A value that cannot be computed is null.

    Example:
        shout:
          type: set_fields
          set: {text: upper(text), length: length(text), meta.key: user.id}
          values: {source: posts}
          remove: [user.password]
          to: publish
    """

    type_name = "set_fields"
    adds_fields = True
    config: SetFieldsConfig

    def __init__(self, config: SetFieldsConfig) -> None:
        super().__init__(config)
        targets = [(Target.of(text), value) for text, value in (config.values | config.set).items()]
        removed = [Target.of(text) for text in config.remove]
        self._fields = [(target.steps, value) for target, value in targets if target.column is None]
        self._columns = [(target.column, target.steps, value) for target, value in targets if target.column is not None]
        self._keep = None if config.keep is None else [Target.of(text).steps for text in config.keep]
        self._remove = [target.steps for target in removed if target.column is None]
        self._remove_columns = [(target.column, target.steps) for target in removed if target.column is not None]
        self._rename = [(Target.of(old).steps, Target.of(new).steps) for old, new in config.rename.items()]
        reshapes = self._keep is not None or bool(self._remove or self._rename)
        self._is_flat = not reshapes and all(len(steps) == 1 for steps, _ in self._fields)
        self._reads = frozenset[str]().union(*(each.fields for each in config.set.values()))
        is_new = self._is_flat and self._reads.isdisjoint(steps[0] for steps, _ in self._fields)
        if is_new and not any(each.whole for each in config.set.values()):
            self.reads = "any"  # what is new may be put into the bytes, where nobody behind needs more than those

    @classmethod
    def check(cls, config: SetFieldsConfig) -> Iterable[str]:
        """Refuse settings that do nothing, and targets that are set twice."""
        if not any((config.set, config.values, config.remove, config.rename, config.keep is not None)):
            yield "nothing to do; give 'set', 'values', 'keep', 'remove' or 'rename'"
        texts = [*config.values, *config.set, *config.rename.values()]
        for one, other in combinations(texts, 2):
            if Target.of(one).overlaps(Target.of(other)):
                same = "are set twice" if one == other else "are both set, and one is a part of the other"
                yield f"{one!r} and {other!r} {same}"

    def fields(self) -> frozenset[str]:
        """What the expressions read, where the records may stay undecoded."""
        return self._reads if self.reads == "any" else frozenset()

    def process(self, batch: Batch, context: Context) -> Batch | dict[str, Batch]:
        """Change a batch."""
        values = [_column(value, batch) for _, value in self._fields]
        changed = self._with_columns(batch)
        if self._is_flat:
            named = {steps[0]: column for (steps, _), column in zip(self._fields, values, strict=True)}
            return changed.with_fields(**named) if named else changed
        rows: list[Record] = []
        failures: list[tuple[int, BaseException]] = []
        records = zip(*values, strict=True) if values else repeat(())
        for index, (row, news) in enumerate(zip(batch.rows, records)):  # noqa: B905 - `repeat` has no end
            try:
                rows.append(self._changed(row, news))
            except RecordError as error:
                failures.append((index, error))
        if not failures:
            return changed.with_rows(rows)
        wrong = {index for index, _ in failures}
        good = changed.select([index for index in range(len(batch)) if index not in wrong])
        return {"success": good.with_rows(rows), "failure": failed(batch, failures, context.name)}

    def _changed(self, row: Mapping[str, Any], values: Sequence[Any]) -> dict[str, Any]:
        made = dict(row)
        if self._keep is not None:
            made = {}
            for steps in self._keep:
                if (value := _value(row, steps)) is not _ABSENT:
                    _put(made, steps, value)
        for steps in self._remove:
            _take(made, steps)
        moved = [(new, _take(made, old)) for old, new in self._rename]
        for new, value in moved:
            if value is not _ABSENT:
                _put(made, new, value)
        for (steps, _), value in zip(self._fields, values, strict=True):
            _put(made, steps, value)
        return made

    def _with_columns(self, batch: Batch) -> Batch:
        columns: dict[str, list[Any] | None] = {}
        for name, steps in self._remove_columns:
            old = columns.get(name, batch.columns.get(name))
            columns[name] = [_without(value, steps) for value in old] if steps and old else None
        for name, steps, value in self._columns:
            new = _column(value, batch)
            if steps:
                old = columns.get(name, batch.columns.get(name)) or [None] * len(batch)
                new = [_with(base, steps, item) for base, item in zip(old, new, strict=True)]
            columns[name] = new
        return batch.with_columns(**columns) if columns else batch


def _column(value: object, batch: Batch) -> list[Any]:
    return value.over(batch) if isinstance(value, Expression) else [value] * len(batch)


def _with(base: object, steps: Sequence[str], value: object) -> dict[str, Any]:
    made = {**base} if isinstance(base, dict) else {}
    _put(made, steps, value)
    return made


def _without(base: object, steps: Sequence[str]) -> object:
    made = {**base} if isinstance(base, dict) else base
    if isinstance(made, dict):
        _take(made, steps)
    return made


def _value(row: Mapping[str, Any], steps: Sequence[str]) -> Any:
    found: Any = row
    for step in steps:
        found = found.get(step, _ABSENT) if isinstance(found, dict) else _ABSENT
    return found


def _put(row: dict[str, Any], steps: Sequence[str], value: object) -> None:
    """Set a value in a record of our own; objects on the way may be shared, so they are copied."""
    for count, step in enumerate(steps[:-1], 1):
        below = row.get(step)
        if below is not None and not isinstance(below, dict):
            raise RecordError(
                f"{'.'.join(steps)!r} cannot be set: {'.'.join(steps[:count])!r} is no object; it is {below!r:.80}"
            )
        inner = dict(below or {})
        row[step] = inner
        row = inner
    row[steps[-1]] = value


def _take(row: dict[str, Any], steps: Sequence[str]) -> Any:
    """Remove a value from a record of our own and return it."""
    if _value(row, steps) is _ABSENT:
        return _ABSENT
    for step in steps[:-1]:
        inner = dict(row[step])
        row[step] = inner
        row = inner
    return row.pop(steps[-1])
