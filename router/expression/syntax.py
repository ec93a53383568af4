"""Say what is wrong with text that Python's grammar does not read, and what was probably meant."""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from dataclasses import dataclass

from router.expression.errors import ExpressionError
from router.expression.values import TOO_DEEP

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>[rRbBuUfF]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<open_text>["'])
    |(?P<unit>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?![eExXoObBjJ_])[^\W\d]\w*)
    |(?P<number>(?:[0-9]|\.[0-9])[\w.]*(?:(?<=[eE])[+-][0-9]+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>===|!==|<>|=<|=>|&&|\|\||\?\?|\*\*|//|==|!=|<=|>=|:=|\+\+|\{\{|\}\}|\$\{|.)""",
    re.VERBOSE | re.DOTALL,
)
_MEANT = {
    "===": "'=='",
    "!==": "'!='",
    "<>": "'!='",
    "=<": "'<='",
    "=>": "'>='",
    "&&": "'and'",
    "||": "'or'",
    "!": "'not'",
    "=": "'==' to compare",
    "??": "default(a, b)",
    "?": "'a if condition else b'",
    ":=": "'==' to compare; nothing is assigned here",
    "++": "'+ 1'",
    "`": "a bare name for a field and quotes for a text",
    "$": "a bare name for a field",
    "${": "a bare name for a field",
    "{{": "the expression alone; braces are for templates",
    "}}": "the expression alone; braces are for templates",
    ";": "one expression",
    **dict.fromkeys("\u201c\u201d\u2018\u2019", "straight quotes"),
    "\\": "a quoted text",
    "&": "'and'",
    "|": "'or'",
}
_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IS": "is", "If": "if", "Else": "else"}
_OPERATORS = frozenset({"and", "or", "not", "in", "is", "if", "else", "True", "False", "None", "lambda", "for"})
_SIGNS = frozenset("+-*/%<>()[]{},.:@^~#")
_CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the source: its kind, its text, and the column it starts at."""

    kind: str
    text: str
    column: int

    @property
    def ends_value(self) -> bool:
        """Whether a value can end here."""
        closes = self.kind == "sign" and self.text in _CLOSING
        return self.kind in {"text", "number"} or self.text in {"True", "False", "None"} or closes or self.is_field

    @property
    def starts_value(self) -> bool:
        """Whether only a value can start here."""
        return self.kind in {"text", "number"} or self.text in {"True", "False", "None"} or self.is_field

    @property
    def is_field(self) -> bool:
        """Whether it is a name that is no word of the language."""
        return self.kind == "name" and not keyword.iskeyword(self.text)


def tokens(source: str) -> list[Token]:
    """Cut the source into words, whatever it holds."""
    found = [Token(str(each.lastgroup), each[0], each.start() + 1) for each in _TOKEN.finditer(source)]
    return [token for token in found if token.kind != "space"]


def read_python(source: str) -> ast.expr:
    """Read the source by Python's grammar; columns in the tree count one more, for a bracket around it.

    Raises:
        ExpressionError: it is not one expression.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(f"({source}\n)", mode="eval").body
    except (RecursionError, MemoryError) as error:
        raise ExpressionError(TOO_DEEP, source) from error
    except (SyntaxError, ValueError, Warning) as error:
        raise explain(source, error) from None
    if tree.col_offset == 0 and tree.lineno == 1 and not isinstance(tree, ast.Tuple | ast.GeneratorExp):
        raise explain(source, None)
    return tree


def explain(source: str, error: Exception | None) -> ExpressionError:
    """Find the first thing that is certainly wrong; else say what Python says."""
    words = tokens(source)
    found = _unreadable_word(words) or _unbalanced(words) or _misplaced(words)
    if found is not None:
        return ExpressionError(found[0], source, found[1])
    column = 1
    said = "not one expression"
    if isinstance(error, SyntaxError):
        column = (error.offset or 2) - 1 if error.lineno == 1 else len(source)
        said = str(error.msg).partition("(")[0].strip().rstrip(".").replace("invalid syntax", "not an expression here")
        if "escape" in said:
            said = r"a backslash in a plain text; write r'...' to keep it as it is"
    elif error is not None:
        said = str(error)
    return ExpressionError(said[:1].lower() + said[1:], source, column)


def _unreadable_word(words: list[Token]) -> tuple[str, int] | None:
    for word in words:
        if word.kind == "open_text":
            return f"the text that starts here is not closed; it needs another {word.text}", word.column
        if word.kind == "unit":
            number = re.match(r"[0-9.]+", word.text)
            return f"{word.text!r} is no number; write {number[0] if number else 0} or a quoted text", word.column
        if word.kind == "number" and re.fullmatch(r"0[0-9]+", word.text):
            return (
                f"{word.text!r} starts with a zero; write {word.text.lstrip('0') or '0'} or a quoted text",
                word.column,
            )
        if word.kind == "sign" and word.text in _MEANT:
            return f"no sign {word.text!r} here; write {_MEANT[word.text]}", word.column
        if word.kind == "sign" and len(word.text) == 1 and word.text not in _SIGNS:
            return f"no character {word.text!r} here; a text needs quotes", word.column
    return None


def _unbalanced(words: list[Token]) -> tuple[str, int] | None:
    opened: list[Token] = []
    for word in words:
        if word.kind != "sign":
            continue
        if word.text in _CLOSING.values():
            opened.append(word)
        elif word.text in _CLOSING and (not opened or opened.pop().text != _CLOSING[word.text]):
            return f"{word.text!r} closes nothing", word.column
    return (f"{opened[-1].text!r} is not closed", opened[-1].column) if opened else None


def _misplaced(words: list[Token]) -> tuple[str, int] | None:
    """Find keywords used as fields, two values side by side, and an end in the middle."""
    before: Token | None = None
    for word in words:
        is_step = before is not None and before.text == "."
        if word.kind == "name" and keyword.iskeyword(word.text) and (word.text not in _OPERATORS or is_step):
            right = f'["{word.text}"]' if is_step else f'record["{word.text}"]'
            return f"{word.text!r} is a word of Python's; a field of that name is {right}", word.column
        if before is not None and before.ends_value and word.starts_value:
            for each in (before, word):
                if each.text in _WORDS:
                    return f"no word {each.text!r}; write {_WORDS[each.text]!r}", each.column
            return f"nothing stands between {before.text} and {word.text}; a text needs quotes", word.column
        before = word
    if before is not None and not before.ends_value and before.text not in _CLOSING:
        return f"it ends in the middle: nothing follows {before.text!r}", before.column
    return None
