"""Makes the data: posts of about 240 bytes, and rows of twenty numbers; the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

DATA = Path(__file__).parent / "data"

_SEED = 20240607
_TEXT = (
    "the of and to in is you that it he was for on are as with his they at be this have from or one had by word "
    "but not what all were we when your can said there use an each which she do how their if will up other about "
    "out many then them these so some her would make like him into time has look two more write go see number no "
    "way could people my than first water been call who oil its now find long down day did get come made may part"
)
_WORDS = _TEXT.split()
_LANGUAGES = {"en": 40, "es": 15, "pt": 12, "ja": 10, "de": 8, "fr": 7, "ar": 5, "ko": 3}
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
FEATURES = 20


def post_lines(count: int) -> Iterator[str]:
    """Give posts as lines of JSON; a post is the same whatever the count."""
    random = Random(_SEED)
    languages, weights = list(_LANGUAGES), list(_LANGUAGES.values())
    for number in range(count):
        text = " ".join(random.choices(_WORDS, k=26))[:130].rstrip()
        user = random.randrange(200_000)
        language = random.choices(languages, weights)[0]
        time = (_FIRST + timedelta(milliseconds=number * 37)).replace(tzinfo=None).isoformat()
        followers = int(random.paretovariate(1.1) * 10)
        tags = random.choices(_WORDS, k=random.randrange(4))
        post = {
            "id": number, "user": f"user_{user}", "lang": language, "text": text, "ts": f"{time}Z",
            "followers": followers, "tags": tags,
        }  # fmt: skip
        yield json.dumps(post, separators=(",", ":")) + "\n"


def feature_lines(count: int) -> Iterator[str]:
    """Give rows of numbers for the models, rounded as measurements are."""
    random = Random(_SEED)
    for number in range(count):
        row = {"id": number, "x": [round(random.gauss(0, 1), 4) for _ in range(FEATURES)]}
        yield json.dumps(row, separators=(",", ":")) + "\n"


def made(kind: str, count: int) -> Path:
    """The file of so many records of a kind, ``posts`` or ``features``; made where it is missing."""
    path = DATA / f"{kind}-{count}.jsonl"
    if not path.exists():
        DATA.mkdir(exist_ok=True)
        lines = post_lines(count) if kind == "posts" else feature_lines(count)
        unfinished = path.with_suffix(".part")
        with unfinished.open("w", encoding="ascii") as file:
            file.writelines(lines)
        unfinished.rename(path)
    return path
