"""Draw a flow: boxes and arrows from top to bottom, or Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.flow import ConnectionSpec, Ending, Flow, ProcessorSpec
from router.relationship import SUCCESS

__all__ = ["boxes", "mermaid"]

_ENDINGS = {each.value for each in Ending}
_WORDS = {"class", "click", "default", "direction", "end", "flowchart", "graph", "style", "subgraph"}
_COLUMN = 2  # where, from the left edge of a box, its line down begins


def boxes(flow: Flow) -> str:
    """Draw a flow as text, sources first.

    What follows a box hangs below it, several at the branches of a tree. A processor that is
    reached a second time, by another way or round a cycle, is named in brackets there.
    """
    drawn: set[str] = set()
    sources = [name for name in flow.processors if not flow.inputs_of(name)]
    return "\n\n".join("\n".join(_tree(flow, name, drawn)) for name in sources)


def mermaid(flow: Flow) -> str:
    """Draw a flow as a Mermaid flowchart."""
    lines = ["flowchart TD"]
    lines += [f'    {_node(name)}["{name}<br/>{spec.kind.type_name}"]' for name, spec in flow.processors.items()]
    endings: set[str] = set()
    for name, spec in flow.processors.items():
        for target, words in _ways(spec).items():
            if target in _ENDINGS:
                endings.add(target)
            arrow = f'-->|"{words}"|' if words else "-->"
            lines.append(f"    {_node(name)} {arrow} {_node(target)}")
    lines += [f'    {_node(each)}(["{each.replace("_", " ")}"])' for each in sorted(endings)]
    return "\n".join(lines)


def _node(target: str) -> str:
    """A name that is a node for Mermaid, which has words of its own such as `end`; it tells cases apart, flows do not."""
    name = target.partition(".")[0]
    return name.upper() if name in _ENDINGS or name in _WORDS else name


def _ways(spec: ProcessorSpec) -> Mapping[str, str]:
    """Where a processor's records go, each target with the relationships that lead there; plain success has no word."""
    found: dict[str, list[str]] = {}
    for relationship, targets in spec.routes.items():
        for each in targets:
            found.setdefault(_target(each), []).append(relationship)
    return {target: "" if words == [SUCCESS.name] else ", ".join(words) for target, words in found.items()}


def _target(each: ConnectionSpec | Ending) -> str:
    if isinstance(each, Ending):
        return each.value
    return f"{each.consumer}.{each.input}" if each.input else each.consumer


def _tree(flow: Flow, name: str, drawn: set[str]) -> list[str]:
    """A box and all that follows it; lines are as if the box stood at the left edge."""
    drawn.add(name)
    spec = flow.processors[name]
    ways = [(target, words) for target, words in _ways(spec).items()]
    lines = _box(spec, has_followers=bool(ways))
    if len(ways) == 1 and _is_new(flow, ways[0][0], drawn):
        target, words = ways[0]
        lines.append(" " * _COLUMN + "│" + (f" {words}" if words else ""))
        below = _tree(flow, target.partition(".")[0], drawn)
        below[0] = below[0][:_COLUMN] + "▼" + below[0][_COLUMN + 1 :]
        return lines + below
    for number, (target, words) in enumerate(ways):
        is_last = number == len(ways) - 1
        lines += _branch(flow, target, words, drawn, is_last=is_last)
    return lines


def _branch(flow: Flow, target: str, words: str, drawn: set[str], *, is_last: bool) -> Iterator[str]:
    """One of several ways out: its words, an arrow, and what it leads to, or its name."""
    margin = " " * _COLUMN
    arrow = f"{margin}{'└' if is_last else '├'}─ {words} ─▶ " if words else f"{margin}{'└' if is_last else '├'}─▶ "
    if not _is_new(flow, target, drawn):
        yield f"{margin}│"
        yield arrow + (target.replace("_", " ") if target in _ENDINGS else f"[{target}]")
        return
    indent = " " * (len(arrow) - _COLUMN - 1)
    top, middle, *rest = _tree(flow, target.partition(".")[0], drawn)
    yield f"{margin}│{indent}{top}"
    yield arrow + middle
    yield from (f"{margin}{' ' if is_last else '│'}{indent}{line}" for line in rest)


def _is_new(flow: Flow, target: str, drawn: set[str]) -> bool:
    name = target.partition(".")[0]
    return target not in _ENDINGS and name in flow.processors and name not in drawn


def _box(spec: ProcessorSpec, *, has_followers: bool) -> list[str]:
    kind = spec.kind.type_name
    text = spec.name if spec.name == kind else f"{spec.name}  {kind}"
    bottom = "─" * (len(text) + 2)
    if has_followers:
        bottom = bottom[: _COLUMN - 1] + "┬" + bottom[_COLUMN:]
    return [f"┌{'─' * (len(text) + 2)}┐", f"│ {text} │", f"└{bottom}┘"]
