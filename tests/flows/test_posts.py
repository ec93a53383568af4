"""The bundled posts are a thousand different lines: several languages and moods, and a few that are no posts."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

FLOWS = Path(__file__).resolve().parents[2] / "flows"
FIELDS = {"id": int, "user": str, "lang": str, "text": str, "created_at": str, "likes": int}
EXTRA = {"reply_to": int, "place": str}
BROKEN = {
    59: "cut off",
    174: "an array",
    305: "a number as text",
    420: "no text",
    552: "not UTF-8",
    669: "null as text",
    780: "not JSON",
    915: "a path as language",
}

lines = (FLOWS / "data" / "posts.jsonl").read_bytes().split(b"\n")
posts: list[dict[str, Any]] = [json.loads(line) for number, line in enumerate(lines[:-1], 1) if number not in BROKEN]


def fault(line: bytes) -> str | None:
    """Say why a line is no post, if it is none."""
    try:
        record = json.loads(line)
    except UnicodeDecodeError:
        return "not UTF-8"
    except json.JSONDecodeError:
        return "cut off" if line.startswith(b"{") else "not JSON"
    if not isinstance(record, dict):
        return "an array"
    if "text" not in record:
        return "no text"
    kinds = {int: "a number as text", type(None): "null as text"}
    return kinds.get(type(record["text"])) or ("a path as language" if "/" in record["lang"] else None)


def words(text: str) -> set[str]:
    """Return the words of a text; of one written without spaces, its pairs of characters."""
    found = [word.strip(".,;:!?\"'()«»…¡¿") for word in text.lower().split()]
    return set(found) if len(found) > 3 else {text[at : at + 2] for at in range(len(text) - 1)}


def moods() -> Counter[str]:
    session = onnxruntime.InferenceSession(FLOWS / "models" / "sentiment.onnx", providers=["CPUExecutionProvider"])
    texts = np.array([post["text"] for post in posts], dtype=object)
    (scores,) = session.run(["score"], {"text": texts})
    return Counter("angry" if score < -0.5 else "happy" if score > 0.5 else "neither" for score in scores)


def test_there_are_a_thousand_lines_and_the_last_one_ends() -> None:
    assert len(lines) == 1001
    assert lines[-1] == b""


def test_only_the_known_lines_are_broken_each_in_its_own_way() -> None:
    found = {number: fault(line) for number, line in enumerate(lines[:-1], 1)}
    assert {number: why for number, why in found.items() if why} == BROKEN


def test_every_post_has_the_same_fields_of_the_same_kind() -> None:
    for post in posts:
        assert {name: type(value) for name, value in post.items()} == FIELDS | {
            name: kind for name, kind in EXTRA.items() if name in post
        }


def test_ids_are_unique_and_time_runs_forward() -> None:
    ids = [post["id"] for post in posts]
    times = [post["created_at"] for post in posts]
    assert len(set(ids)) == len(posts)
    assert times == sorted(times)
    assert {post["reply_to"] for post in posts if "reply_to" in post} <= set(ids)


def test_no_two_texts_are_alike() -> None:
    bare = {re.sub(r"\d", "", post["text"].lower()) for post in posts}
    found = [words(post["text"]) for post in posts]
    alike = max(len(left & right) / len(left | right) for left, right in combinations(found, 2))
    assert len(bare) == len(posts)
    assert alike < 0.4


def test_most_posts_are_english_and_fifteen_languages_join_in() -> None:
    languages = Counter(post["lang"] for post in posts)
    assert 0.55 < languages["en"] / len(posts) < 0.65
    assert len(languages) == 16
    assert min(languages.values()) >= 10


@pytest.mark.parametrize(
    ("language", "script"),
    [("ja", "[ぁ-ヿ]"), ("ko", "[가-힣]"), ("zh", "[一-鿿]"), ("ar", "[؀-ۿ]"), ("hi", "[ऀ-ॿ]"), ("ru", "[\u0410-\u044f]"), ("uk", "[\u0410-\u0456]")],
)  # fmt: skip
def test_each_language_is_written_in_its_own_script(language: str, script: str) -> None:
    assert all(re.search(script, post["text"]) for post in posts if post["lang"] == language)


def test_posts_have_emoji_hashtags_quotes_newlines_and_all_lengths() -> None:
    texts = [post["text"] for post in posts]
    assert sum(bool(re.search("[\U0001f300-\U0001faff❤✨☀]", text)) for text in texts) > 250
    assert sum("#" in text for text in texts) > 40
    assert sum('"' in text for text in texts) > 50
    assert sum("\n" in text for text in texts) >= 8
    assert min(map(len, texts)) < 15
    assert sum(len(text) > 200 for text in texts) >= 10
    assert max(map(len, texts)) < 500


def test_moods_are_mixed() -> None:
    found = moods()
    assert 0.10 < found["angry"] / len(posts) < 0.20
    assert 0.25 < found["happy"] / len(posts) < 0.35


def test_optional_fields_are_on_angry_posts_alone() -> None:
    # Those become JSON lines. An Avro file takes its schema from the first posts it is given, and a
    # language whose first post has no `place` would turn away a later one that has.
    session = onnxruntime.InferenceSession(FLOWS / "models" / "sentiment.onnx", providers=["CPUExecutionProvider"])
    some = [post["text"] for post in posts if EXTRA.keys() & post.keys()]
    (scores,) = session.run(["score"], {"text": np.array(some, dtype=object)})
    assert len(some) > 40
    assert (scores < -0.5).all()
