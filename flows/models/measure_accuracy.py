"""Measure ``sentiment.onnx`` on rated texts: ``python flows/models/measure_accuracy.py FILE.tsv``.

The file has the columns id, rating (-4 to 4), text, without a header. A rating within 0.5 of zero counts as
neutral, and so does a score within ``--neutral`` of zero. The word list was developed on posts like those of
the usual test file, so expect somewhat less on other texts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime

MODEL = Path(__file__).resolve().parent / "sentiment.onnx"
CLASSES = ("negative", "neutral", "positive")
NEUTRAL_RATING = 0.5
NEUTRAL_SCORE = 0.1
BATCH = 256


def read_rated(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the ratings and the texts of a rated file."""
    rows = [line.split("\t", 2) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return np.array([float(row[1]) for row in rows]), np.array([row[2] for row in rows], dtype=object)


def score(texts: np.ndarray, model: Path = MODEL) -> np.ndarray:
    """Return the model's score of each text."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    starts = range(0, len(texts), BATCH)
    scores: np.ndarray = np.concatenate([session.run(["score"], {"text": texts[at : at + BATCH]})[0] for at in starts])
    return scores


def classes(values: np.ndarray, neutral: float) -> np.ndarray:
    """Return 0, 1 or 2 for a value below, within or above ``neutral`` of zero."""
    return np.where(values > neutral, 2, np.where(values < -neutral, 0, 1))


def confusion(scores: np.ndarray, ratings: np.ndarray, neutral: float = NEUTRAL_SCORE) -> np.ndarray:
    """Count the texts of each rated class (row) by the class the model saw (column)."""
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (classes(ratings, NEUTRAL_RATING), classes(scores, neutral)), 1)
    return table


def accuracy(scores: np.ndarray, ratings: np.ndarray, neutral: float = NEUTRAL_SCORE) -> float:
    """Return the share of texts whose class the model saw."""
    return float(np.trace(confusion(scores, ratings, neutral)) / len(ratings))


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value; equal values share their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: np.ndarray = np.cumsum(counts) - (counts - 1) / 2
    return shared[group]


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    """Return the rank correlation of two series."""
    return float(np.corrcoef(ranks(left), ranks(right))[0, 1])


def main() -> None:
    """Print accuracy, rank correlation and the table of confusions."""
    parser = argparse.ArgumentParser(description="Measure sentiment.onnx on rated texts.")
    parser.add_argument("file", type=Path, metavar="FILE.tsv", help="columns: id, rating, text; no header")
    parser.add_argument("--neutral", type=float, default=NEUTRAL_SCORE, help="scores within this of zero are neutral")
    arguments = parser.parse_args()
    ratings, texts = read_rated(arguments.file)
    scores = score(texts)
    print(f"texts     {len(texts):,}")
    print(f"accuracy  {accuracy(scores, ratings, arguments.neutral):.3f}  (3 classes)")
    print(f"spearman  {spearman(scores, ratings):.3f}")
    print(f"{'rated / seen':14}" + "".join(f"{name:>10}" for name in CLASSES))
    for name, row in zip(CLASSES, confusion(scores, ratings, arguments.neutral), strict=True):
        print(f"{name:14}" + "".join(f"{count:10,}" for count in row))


if __name__ == "__main__":
    main()
