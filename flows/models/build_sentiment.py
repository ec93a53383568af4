"""Build ``sentiment.onnx``, which scores the mood of a text, from the word lists beside this script.

Run ``python flows/models/build_sentiment.py`` after changing a list. Building needs the ``onnx`` package;
scoring needs onnxruntime alone. The same lists always give the same bytes.

What the graph does with a batch of texts: lower the case, keep the first thousand characters, cut them into
words, emoticons, emoji and marks, look up what each is worth, turn a word around where a negation stands up to
three tokens before it in the same clause, add up, let exclamation marks strengthen the sum, and press the result
into -1 to 1. A text with function words of another language is judged by its emoji and emoticons alone, since
the word list is English ("die" and "war" mean harm only there).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

HERE = Path(__file__).resolve().parent
MODEL = HERE / "sentiment.onnx"
WORDS = HERE / "lexicon.tsv"
ADDITIONS = HERE / "additions.tsv"

# A text is read up to here, so that one huge record cannot widen the padded token table of its whole batch.
MAX_CHARACTERS = 1000
NEGATION_REACH = 3
# VADER's numbers: what a negation makes of a word's value, what one "!" adds, how many of them count, and the
# softening that brings the score of one strong word near 0.6.
NEGATED = -0.74
EXCLAMATION = 0.292
MAX_EXCLAMATIONS = 4
SOFTENING = 15.0

# Tokens are numbered role by role, so that comparing numbers tells a token's role.
ROLES = ("word", "symbol", "negator", "foreign", "clause_end", "exclamation")

Vocabulary = dict[str, dict[str, float]]


def read_table(path: Path) -> list[list[str]]:
    """Return the rows of a tab-separated file."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def is_word(token: str) -> bool:
    """Tell whether the graph's tokenizer leaves ``token`` in one piece; bare numbers carry no mood."""
    return token.isascii() and token.isalnum() and not token.isdigit()


def is_emoticon(token: str) -> bool:
    """Tell an emoticon that is safe to find inside running text from one that needs spaces around it.

    It has eyes (or is one of a few without) and starts with a mark: "8)" would be found in "(1-8)".
    """
    eyes = any(mark in token for mark in ":;=") or token in {"<3", "</3", "\\o/", ">.<"}
    return eyes and token.isascii() and not token[0].isalnum() and " " not in token and len(token) < 6


def vocabulary() -> Vocabulary:
    """Return the value of every known token, by role; a token has one role, the last one given to it."""
    entries: dict[str, tuple[str, float]] = {}
    for spelling, value in read_table(WORDS):
        token = spelling.lower()
        if is_word(token) or is_emoticon(token):
            entries.setdefault(token, ("word" if is_word(token) else "symbol", float(value)))
    for role, token, value in read_table(ADDITIONS):
        entries[token] = (role, float(value) if role in {"word", "symbol"} else 0.0)
    entries |= dict.fromkeys(("...", "..", ".", "?", ";", ","), ("clause_end", 0.0))
    entries["!"] = ("exclamation", 0.0)
    return {role: {token: value for token, (own, value) in entries.items() if own == role} for role in ROLES}


def emoticon_pattern(emoticon: str) -> str:
    """Return the expression that finds ``emoticon``; only plain faces and hearts may be stuck to a word."""
    ending = r"\b" if emoticon[-1].isalnum() else ""
    may_be_stuck = emoticon == "<3" or (emoticon[0] in ":;=" and emoticon[-1] in "()dp")
    return ("" if may_be_stuck else r"\B") + re.escape(emoticon) + ending


def token_pattern(known: Vocabulary) -> str:
    """Return the RE2 expression that cuts a text into tokens; the first alternative that fits wins."""
    symbols = known["symbol"]
    emoticons = sorted((token for token in symbols if token.isascii()), key=lambda token: (-len(token), token))
    alternatives = [
        r"https?://\S+",
        r"@\w+",
        r"[a-z]+n['\x{2019}]t\b",
        r"[\pL\pN][\pL\pM\pN]*",
        *map(emoticon_pattern, emoticons),
        "[" + "".join(token for token in symbols if not token.isascii()) + "]",
        r"\.{1,3}|[!?;,]",
    ]
    return "|".join(alternatives)


class Graph:
    """Nodes and constants in the order in which they were asked for."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(self, op: str, *inputs: str, name: str, domain: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"{name}_node", domain=domain, **attributes))
        return name

    def constant(self, name: str, values: Any, kind: type = np.float32) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=kind), name))
        return name


def add_tokens(graph: Graph, known: Vocabulary) -> str:
    """Cut ``text`` into tokens and return their numbers: [texts, tokens], 0 for an unknown token."""
    # Core ONNX has no operator that cuts at a class of characters; this one is part of every onnxruntime.
    tokenizer: dict[str, Any] = {"domain": "com.microsoft", "mark": 0, "pad_value": "", "mincharnum": 1}
    # The space keeps a row for each text where all of a batch are empty.
    spaced = graph.node("StringConcat", "text", graph.constant("space", [" "], object), name="spaced")
    start = graph.node("Tokenizer", spaced, name="start", tokenexp=rf"(?s)^.{{1,{MAX_CHARACTERS}}}", **tokenizer)
    flat = graph.node("Reshape", start, "minus_one", name="flat")
    # The locale "C" exists on every machine. It lowers ASCII only, which is all the word list needs.
    lowered = graph.node(
        "StringNormalizer", flat, name="lowered", case_change_action="LOWER", is_case_sensitive=1, locale="C"
    )
    tokens = graph.node("Tokenizer", lowered, name="tokens", tokenexp=token_pattern(known), **tokenizer)
    names = [token for tokens in known.values() for token in tokens]
    return graph.node(
        "LabelEncoder",
        tokens,
        name="numbers",
        domain="ai.onnx.ml",
        keys_strings=names,
        values_int64s=list(range(1, len(names) + 1)),
        default_int64=0,
    )


def add_roles(graph: Graph, known: Vocabulary, numbers: str) -> None:
    """Tell the tokens' roles apart and look up what words and symbols are worth."""
    values = [0.0, *(value for tokens in known.values() for value in tokens.values())]
    worth = graph.node("Gather", graph.constant("values", values), numbers, name="worth")
    first = 1 + len(known["word"])
    for role in ROLES[1:]:
        graph.constant(f"first_{role}", first, np.int64)
        first += len(known[role])
    graph.node("Less", numbers, "first_symbol", name="is_word")
    graph.node("Where", "is_word", worth, "nothing", name="word")
    graph.node("Sub", worth, "word", name="symbol")
    for role, behind in (("negator", "foreign"), ("foreign", "clause_end")):
        reached = graph.node("GreaterOrEqual", numbers, f"first_{role}", name=f"reaches_{role}")
        inside = graph.node("Less", numbers, f"first_{behind}", name=f"before_{behind}")
        graph.node("And", reached, inside, name=f"is_{role}")
    # The marks come last; an exclamation mark ends a clause too.
    graph.node("Less", numbers, "first_clause_end", name="in_clause")
    graph.node("GreaterOrEqual", numbers, "first_exclamation", name="is_exclamation")


def add_shift(graph: Graph, values: str, name: str) -> str:
    """Move values one token to the right, so that each token sees its left neighbour's."""
    padded = graph.node("Pad", values, "one_before", name=f"{name}_padded")
    return graph.node("Slice", padded, "zero", "minus_one", "token_axis", name=name)


def add_negation(graph: Graph) -> str:
    """Return the words' values, those behind a negation in the same clause turned around."""
    negated = near = add_shift(graph, "is_negator", "negated_1")
    for distance in range(2, NEGATION_REACH + 1):
        reaching = graph.node("And", near, "in_clause", name=f"reaching_{distance}")
        near = add_shift(graph, reaching, f"negated_{distance}")
        negated = graph.node("Or", negated, near, name=f"negated_within_{distance}")
    opposite = graph.node("Mul", "word", graph.constant("negation", NEGATED), name="opposite")
    return graph.node("Where", negated, opposite, "word", name="turned")


def add_count(graph: Graph, mask: str, name: str) -> str:
    """Count the marked tokens of each text."""
    numbers = graph.node("Cast", mask, name=f"{name}_numbers", to=TensorProto.FLOAT)
    return graph.node("ReduceSum", numbers, "token_axis", name=name, keepdims=0)


def add_score(graph: Graph, turned: str) -> None:
    """Add up the tokens of each text and press the sum into -1 to 1."""
    words = graph.node("ReduceSum", turned, "token_axis", name="words", keepdims=0)
    is_foreign = graph.node("Cast", add_count(graph, "is_foreign", "foreign"), name="foreign_text", to=TensorProto.BOOL)
    english = graph.node("Where", is_foreign, "nothing", words, name="english")
    symbols = graph.node("ReduceSum", "symbol", "token_axis", name="symbols", keepdims=0)
    plain = graph.node("Add", english, symbols, name="plain")
    exclamations = add_count(graph, "is_exclamation", "exclamations")
    counted = graph.node("Min", exclamations, graph.constant("most", MAX_EXCLAMATIONS), name="counted")
    strength = graph.node("Mul", counted, graph.constant("per_exclamation", EXCLAMATION), name="strength")
    direction = graph.node("Sign", plain, name="direction")
    stronger = graph.node("Mul", strength, direction, name="stronger")
    total = graph.node("Add", plain, stronger, name="total")
    square = graph.node("Mul", total, total, name="square")
    softened = graph.node("Add", square, graph.constant("softening", SOFTENING), name="softened")
    root = graph.node("Sqrt", softened, name="root")
    graph.node("Div", total, root, name="score")


def build_model() -> ModelProto:
    """Return the model, with its licence and the fingerprint of its lists in its metadata."""
    known = vocabulary()
    graph = Graph()
    graph.constant("nothing", 0.0)
    graph.constant("zero", [0], np.int64)
    graph.constant("minus_one", [-1], np.int64)
    graph.constant("token_axis", [1], np.int64)
    graph.constant("one_before", [0, 1, 0, 0], np.int64)
    add_roles(graph, known, add_tokens(graph, known))
    add_score(graph, add_negation(graph))
    text = helper.make_tensor_value_info("text", TensorProto.STRING, ["records"])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["records"])
    body = helper.make_graph(graph.nodes, "sentiment", [text], [score], graph.constants)
    opsets = [helper.make_opsetid(*opset) for opset in (("", 20), ("ai.onnx.ml", 2), ("com.microsoft", 1))]
    model = helper.make_model(body, opset_imports=opsets, ir_version=9, producer_name="build_sentiment.py")
    helper.set_model_props(model, metadata())
    checker.check_model(model)
    return model


def metadata() -> dict[str, str]:
    """Return what the model says about itself."""
    lists = WORDS.read_bytes() + ADDITIONS.read_bytes()
    return {
        "description": "mood of an English text, from -1 (angry) to 1 (happy)",
        "license": "Apache-2.0; word list: MIT, Copyright (c) 2016 C.J. Hutto, see LICENSE.vaderSentiment.txt",
        "source": "word list of vaderSentiment 3.3.2, https://github.com/cjhutto/vaderSentiment",
        "lists_sha256": hashlib.sha256(lists).hexdigest(),
    }


if __name__ == "__main__":
    MODEL.write_bytes(build_model().SerializeToString(deterministic=True))
    print(f"wrote {MODEL} ({MODEL.stat().st_size:,} bytes)")
