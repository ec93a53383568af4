"""Put quotes where YAML needs them: how a torn line should have been written."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

_LINE = re.compile(
    r"""(?P<lead>\s*(?:-\s+)*)
        (?:(?P<key>"[^"]*"|'[^']*'|[^\s"'{\[#&|>][^:"'{}\[\]]*?)(?P<colon>\s*:\s+))?
        (?P<value>\S.*)""",
    re.VERBOSE,
)
_PAIR = re.compile(r"""\s*("[^"]*"|'[^']*'|[^\s"'{}\[\]:]+)\s*:(?:\s+(.*))?""", re.DOTALL)
_LONGEST = 1000  # characters; longer lines are nobody's handwriting
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def quoted(text: str) -> str:
    """A text in the quotes that suit it."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def is_open(text: str) -> bool:
    """True if a quote or bracket of a text has no partner in it."""
    return _scan(text)[1]


def mended(line: str) -> str | None:
    """A line that YAML cannot read as it should have been written; None where quotes would not help."""
    if len(line) > _LONGEST:
        return None
    line = _without_comment(line).rstrip()
    parts = _LINE.fullmatch(line)
    if parts is None or is_open(parts["value"]) or _is_quoted(parts["value"]) or _reads(line):
        return None
    key = parts["key"] or ""
    if key and not _reads(f"{key}: x"):
        key = quoted(key)
    right = parts["lead"] + key + (parts["colon"] or "") + _value(parts["value"])
    return right if _reads(right) else None


def _value(text: str) -> str:
    """A value with its quotes: those it has if they hold all of it, else around it or its parts."""
    text = text.strip()
    if _is_one_scalar(text):
        return text
    if text[:1] == "{" and text[:2] != "{{" and text[-1:] == "}":
        return "{" + ", ".join(map(_pair, _split(text[1:-1]))) + "}"
    if text[:1] == "[" and text[-1:] == "]":
        return "[" + ", ".join(map(_value, _split(text[1:-1]))) + "]"
    return quoted(text)


def _pair(text: str) -> str:
    parts = _PAIR.fullmatch(text)
    if parts is None:
        return _value(text)
    key = parts[1] if _is_one_scalar(parts[1]) else quoted(parts[1])
    return f"{key}: {_value(parts[2])}" if parts[2] else f"{key}:"


def _split(text: str) -> Iterator[str]:
    """Cut at the commas that are in no quotes and no brackets."""
    start = 0
    for comma in _scan(text)[0]:
        yield text[start:comma]
        start = comma + 1
    if text[start:].strip():
        yield text[start:]


def _scan(text: str) -> tuple[list[int], bool]:
    """Where the commas of the outermost level are, and whether a quote or bracket has no partner."""
    commas: list[int] = []
    expected: list[str] = []
    quote = before = ""
    stray = False
    for index, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"" and not before.isalnum():  # don't
            quote = sign
        elif sign in _CLOSING:
            expected.append(_CLOSING[sign])
        elif expected and sign == expected[-1]:
            expected.pop()
        elif sign in ")]}":
            stray = True
        elif sign == "," and not expected:
            commas.append(index)
        before = sign
    return commas, bool(quote or expected or stray)


def _without_comment(line: str) -> str:
    """The line up to a comment: what follows `` #`` outside of quotes and brackets."""
    for found in re.finditer(r"\s#", line):
        if not is_open(line[: found.start()]):
            return line[: found.start()]
    return line


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] in "'\"" and text.find(text[0], 1) == len(text) - 1


def _is_one_scalar(text: str) -> bool:
    """True if a text, among others between braces, is one scalar and all of it is read."""
    try:
        kinds = [
            (type(each).__name__, getattr(each, "value", "")) for each in yaml.parse(f"[{text}, x]", yaml.SafeLoader)
        ]
    except yaml.YAMLError:
        return False
    names = [name for name, _ in kinds[2:-2]]
    whole = kinds[3][1] == text or text[:1] in {'"', "'"}
    return names == ["SequenceStartEvent", "ScalarEvent", "ScalarEvent", "SequenceEndEvent"] and whole


def _reads(text: str) -> bool:
    """True if a line alone is YAML, and no template was taken for a mapping."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        return False
    return _has_text_keys(node)


def _has_text_keys(node: yaml.Node | None) -> bool:
    if isinstance(node, yaml.MappingNode):
        return all(isinstance(key, yaml.ScalarNode) and _has_text_keys(value) for key, value in node.value)
    return all(map(_has_text_keys, node.value)) if isinstance(node, yaml.SequenceNode) else True
