"""What the operators do.

- A value that is missing is None, and an operator that meets None gives None.
- A value of the wrong kind gives None too, and is counted: ordering takes two numbers, two texts or two
  times; arithmetic takes numbers, and ``+`` two texts. ``True`` and ``False`` are no numbers.
- ``==`` never fails: values of different kinds differ, so ``True == 1`` and ``"1" == 1`` are False while
  ``1 == 1.0`` is True. Inside lists and objects None equals None.
- ``and``, ``or`` and ``not`` are Kleene's: what does not depend on the unknown is known. Only True and
  False are conditions.

The compiler writes the common cases of these functions in line and calls them for the rest.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from router.expression.values import INTEGER_BITS, Misses, Unfit, bounded, is_number, kind

_QUICK = frozenset({int, float})
_ORDERED = frozenset({"number", "text", "time", "bytes"})


def equal(left: Any, right: Any, misses: Misses) -> bool | None:
    """``left == right``."""
    if left is None or right is None:
        return None
    try:
        return same(left, right)
    except Exception as error:  # noqa: BLE001 - such as nesting too deep to compare, or an object that refuses
        misses.add("'=='", error)
        return None


def unequal(left: Any, right: Any, misses: Misses) -> bool | None:
    """``left != right``."""
    found = equal(left, right, misses)
    return None if found is None else not found


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of one kind, all the way down."""
    first = kind(left)
    if first != kind(right):
        return False
    if first == "list":
        return len(left) == len(right) and all(map(same, left, right))
    if first == "object":
        return len(left) == len(right) and all(name in right and same(left[name], right[name]) for name in left)
    return (left == right) is True


def less(left: Any, right: Any, misses: Misses) -> bool | None:
    """``left < right``."""
    return _ordered("<", operator.lt, left, right, misses)


def at_most(left: Any, right: Any, misses: Misses) -> bool | None:
    """``left <= right``."""
    return _ordered("<=", operator.le, left, right, misses)


def greater(left: Any, right: Any, misses: Misses) -> bool | None:
    """``left > right``."""
    return _ordered(">", operator.gt, left, right, misses)


def at_least(left: Any, right: Any, misses: Misses) -> bool | None:
    """``left >= right``."""
    return _ordered(">=", operator.ge, left, right, misses)


def _ordered(sign: str, compare: Callable[[Any, Any], Any], left: Any, right: Any, misses: Misses) -> bool | None:
    if type(left) in _QUICK and type(right) in _QUICK:
        return compare(left, right)  # type: ignore[no-any-return]
    if left is None or right is None:
        return None
    found = kind(left)
    if found in _ORDERED and found == kind(right):
        try:
            return compare(left, right) is True
        except Exception as error:  # noqa: BLE001 - such as times with and without a zone
            misses.add(repr(sign), error)
            return None
    misses.between(sign, left, right)
    return None


def contained(value: Any, container: Any, misses: Misses) -> bool | None:
    """``value in container``: an element of a list, a part of a text, a name in an object."""
    if value is None or container is None:
        return None
    try:
        found = kind(container)
        if found == "list":
            if type(value) is str:
                return value in container
            return any(same(value, each) for each in container)
        if (found == "object" and kind(value) == "text") or (found in {"text", "bytes"} and kind(value) == found):
            return value in container
    except Exception as error:  # noqa: BLE001 - such as nesting too deep to compare
        misses.add("'in'", error)
        return None
    misses.between("in", value, container)
    return None


def condition(value: Any, misses: Misses) -> bool | None:
    """Take True, False and None as they are; anything else is no condition."""
    if value is None or value is True or value is False:
        return value
    misses.add(f"{kind(value)} is no condition")
    return None


def step(value: Any, name: str, misses: Misses) -> Any:
    """``value.name``: into an object."""
    if value is None:
        return None
    if isinstance(value, dict):
        return value.get(name)
    misses.add(f"{name!r} of {kind(value)}")
    return None


def element(value: Any, key: Any, misses: Misses) -> Any:
    """``value[key]``: a name in an object, a position in a list or text; None behind its end."""
    if value is None or key is None:
        return None
    found = kind(value)
    if found == "object" and isinstance(key, str):
        return value.get(key)
    if found in {"list", "text"} and isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else None
    misses.between("[]", value, key)
    return None


def part(value: Any, start: Any, stop: Any, misses: Misses) -> Any:
    """``value[start:stop]``: part of a text or list; None stands for an open end."""
    if value is None:
        return None
    if kind(value) in {"list", "text", "bytes"} and _is_position(start) and _is_position(stop):
        return value[start:stop]
    misses.add(f"part of {kind(value)} from {kind(start)} to {kind(stop)}")
    return None


def _is_position(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def negative(value: Any, misses: Misses) -> Any:
    """``-value``."""
    if value is None or is_number(value):
        return None if value is None else -value
    misses.add(f"'-' of {kind(value)}")
    return None


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > INTEGER_BITS:
        raise Unfit("the number would be too large")
    return left**right


def _times(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > INTEGER_BITS:
        raise Unfit("the number would be too large")
    return left * right


def _plus(left: Any, right: Any) -> Any:
    if type(left) is str:
        bounded(len(left) + len(right), len(left) + len(right))
    return left + right


def _arithmetic(sign: str, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Misses], Any]:
    def apply(left: Any, right: Any, misses: Misses) -> Any:
        if left is None or right is None:
            return None
        numbers = type(left) in _QUICK and type(right) in _QUICK
        if numbers or (is_number(left) and is_number(right)) or (sign == "+" and kind(left) == kind(right) == "text"):
            try:
                result = compute(left, right)
            except Exception as error:  # noqa: BLE001 - division by zero, overflow, Decimal with float
                misses.add(repr(sign), error)
                return None
            if type(result) is not complex:
                return result
        misses.between(sign, left, right)
        return None

    return apply


COMPARISONS: dict[str, Callable[[Any, Any, Misses], bool | None]] = {
    "==": equal,
    "!=": unequal,
    "<": less,
    "<=": at_most,
    ">": greater,
    ">=": at_least,
    "in": contained,
}
ARITHMETIC: dict[str, Callable[[Any, Any, Misses], Any]] = {
    "+": _arithmetic("+", _plus),
    "-": _arithmetic("-", operator.sub),
    "*": _arithmetic("*", _times),
    "/": _arithmetic("/", operator.truediv),
    "//": _arithmetic("//", operator.floordiv),
    "%": _arithmetic("%", operator.mod),
    "**": _arithmetic("**", _power),
}
