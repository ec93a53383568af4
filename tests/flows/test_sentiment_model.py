"""The sentiment model scores what people write, and is what its script builds."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

MODELS = Path(__file__).resolve().parents[2] / "flows" / "models"


def script(name: str) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(MODELS / f"{name}.py")))


build = script("build_sentiment")
measure = script("measure_accuracy")
session = onnxruntime.InferenceSession(MODELS / "sentiment.onnx", providers=["CPUExecutionProvider"])


def scores(*texts: str) -> list[float]:
    found: np.ndarray = session.run(["score"], {"text": np.array(texts, dtype=object)})[0]
    assert found.dtype == np.float32
    assert found.shape == (len(texts),)
    return [float(value) for value in found]


def score(text: str) -> float:
    return scores(text)[0]


def pressed(total: float) -> float:
    return float(total / np.sqrt(total * total + 15.0))


def test_committed_model_is_what_the_script_builds() -> None:
    built = build.build_model().SerializeToString(deterministic=True)
    assert hashlib.sha256(built).hexdigest() == hashlib.sha256((MODELS / "sentiment.onnx").read_bytes()).hexdigest()


def test_model_names_its_licence_and_the_source_of_its_words() -> None:
    said = session.get_modelmeta().custom_metadata_map
    notice = (MODELS / "LICENSE.vaderSentiment.txt").read_text(encoding="utf-8")
    assert "MIT, Copyright (c) 2016 C.J. Hutto" in said["license"]
    assert "vaderSentiment 3.3.2" in said["source"]
    assert "Copyright (c) 2016 C.J. Hutto" in notice


def test_model_is_small_and_takes_text_and_gives_a_score() -> None:
    (text,), (found,) = session.get_inputs(), session.get_outputs()
    assert (text.name, text.type, text.shape) == ("text", "tensor(string)", ["records"])
    assert (found.name, found.type, found.shape) == ("score", "tensor(float)", ["records"])
    assert (MODELS / "sentiment.onnx").stat().st_size < 3_000_000


def test_rated_posts_are_told_apart(test_data: Path) -> None:
    ratings, texts = measure.read_rated(test_data / "tweets" / "tweets_rated.tsv")
    found = measure.score(texts)
    assert len(texts) == 2100
    assert measure.accuracy(found, ratings) >= 0.78
    assert measure.spearman(found, ratings) >= 0.81


def test_measurement_agrees_with_hand_counted_values() -> None:
    ratings, found = np.array([-3.0, 0.5, 0.2, 2.0]), np.array([-0.9, 0.1, 0.4, 0.8])
    assert measure.accuracy(found, ratings) == 0.75
    assert measure.spearman(np.array([1.0, 2.0, 2.0, 4.0]), np.array([10.0, 20.0, 30.0, 40.0])) == pytest.approx(
        0.948683
    )


def test_every_listed_word_and_symbol_alone_scores_its_value() -> None:
    known = build.vocabulary()
    values = {**known["word"], **known["symbol"]}
    assert len(known["word"]) > 7000
    assert len(known["symbol"]) > 300
    assert scores(*values) == pytest.approx([pressed(value) for value in values.values()], abs=1e-6)


def test_words_are_found_whatever_is_stuck_to_them() -> None:
    variants = ["great", "GREAT", "Great", "(great)", '"great"', "“great”", "*great*", "_great_", "#great", "...great...",
                "great,", "great;so", "a\ngreat\tday", "x\r\ngreat", "so/great", "great—so", "¡great", "a\0great"]  # fmt: skip
    assert scores(*variants) == pytest.approx([score("great")] * len(variants))


@pytest.mark.parametrize(
    "text",
    ["not good", "NOT good", "isn't good", "isn\u2019t good", "it is not at all good", "never ever so good", "can't be good",
     "nobody had a good day", "not (really) good", "dont love it", "hardly good"],
)  # fmt: skip
def test_negation_turns_a_word_around(text: str) -> None:
    assert score(text) < -0.2


def test_negation_of_a_bad_word_is_good() -> None:
    assert score("not bad") > 0.2
    assert score("no problem") > 0.2


@pytest.mark.parametrize("text", ["No, this is good", "Not today. Good", "why not? good", "not one two three good"])
def test_negation_ends_with_its_clause_and_after_three_tokens(text: str) -> None:
    assert score(text) == pytest.approx(score("good"))


def test_negation_stays_within_its_text() -> None:
    assert scores("not", "good")[1] == pytest.approx(score("good"))


def test_exclamation_marks_strengthen_either_mood_up_to_four() -> None:
    assert scores("great!", "great!!!!", "great!!!!!!!!!") == pytest.approx(
        [pressed(3.392), pressed(4.268), pressed(4.268)]
    )
    assert score("awful!") < score("awful")
    assert score("!!!!") == 0.0


def test_emoji_are_scored_alone_repeated_and_stuck_to_words() -> None:
    alone = score("😍")
    assert alone == pytest.approx(pressed(4.0))
    assert scores("table😍", "😍table", "#😍", "мир😍", "好😍") == pytest.approx([alone] * 5)
    assert scores("😍😍", "😍 x 😍") == pytest.approx([pressed(8.0)] * 2)
    assert scores("😡", "ugh💔", "❤️", "👍🏽") == pytest.approx(
        [pressed(-3.0), pressed(-4.8), pressed(3.0), pressed(2.0)]
    )
    assert score("good😀") == score("😀good") == pytest.approx(pressed(4.9))


def test_emoticons_are_scored_also_behind_a_word() -> None:
    assert min(scores(":)", "table:)", ":-)", ":D", "<3", "ok ;)", "see you :) bye", ":):)")) > 0.2
    assert max(scores(":(", "table:(", ":'(", "</3", "D: :-(", "mood: :/")) < -0.2


def test_marks_that_only_look_like_emoticons_are_ignored() -> None:
    texts = ["at 12:30", "(note): a table", "x=3", "(1-8) items", "http://host.example/:(", "c:/table", "[a]: b"]
    assert scores(*texts) == [0.0] * len(texts)


def test_links_and_mentions_carry_no_mood() -> None:
    assert scores("@happy_bob left", "see https://love.example/great") == [0.0, 0.0]


def test_text_in_another_language_is_judged_by_its_emoji() -> None:
    assert scores("die Katze und der Hund", "nach dem Krieg war Frieden für alle") == [0.0, 0.0]
    assert score("das war ein Tag 😡") == pytest.approx(score("😡"))
    assert score("we die in a war") < -0.5


def test_odd_texts_get_a_finite_score() -> None:
    texts = [
        "",
        " ",
        "\n",
        "\0",
        "a" * 100_000,
        "good " * 20_000,
        "😀" * 100_000,
        "שלום עולם",
        "\u202eevil",
        "¬\x85\u2028",
        "e\u0301",
    ]
    assert np.isfinite(scores(*texts)).all()
    assert scores("", "") == [0.0, 0.0]


def test_only_the_first_thousand_characters_count() -> None:
    assert score("x " * 500 + "great") == 0.0
    assert score("x " * 400 + "great") == pytest.approx(score("great"))


@given(st.lists(st.text(), min_size=1, max_size=8))
def test_a_score_lies_within_its_bounds_and_does_not_depend_on_neighbours(texts: list[str]) -> None:
    found = scores(*texts)
    assert all(-1.0 <= value <= 1.0 for value in found)
    assert found == pytest.approx([score(text) for text in texts], abs=1e-6)
