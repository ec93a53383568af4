"""The plain loops: the same work without router, as one would write it for speed; run each in a process of its own."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

BATCH = 1000
MODEL_BATCH = 256
_WORD = re.compile(r"[a-z0-9_]+")


def pass_batched(source: Path, out: Path, _: Path | None) -> int:
    """Copy lines, a thousand at a time."""
    count = 0
    with source.open("rb") as lines, (out / "all.jsonl").open("wb") as file:
        while batch := list(islice(lines, BATCH)):
            file.write(b"".join(batch))
            count += len(batch)
    return count


def route(source: Path, out: Path, _: Path | None) -> int:
    """Record by record: English posts changed to one file, the others as they are to another."""
    import orjson  # noqa: PLC0415 - each loop loads what it needs, before its clock starts

    loads, dumps = orjson.loads, orjson.dumps
    count = 0
    with (
        source.open("rb") as lines,
        (out / "english.jsonl").open("wb") as english,
        (out / "others.jsonl").open("wb") as others,
    ):
        for line in lines:
            post = loads(line)
            if post["lang"] == "en":
                post["len"] = len(post["text"])
                post["user"] = post["user"].upper()
                english.write(dumps(post) + b"\n")
            else:
                others.write(line)
            count += 1
    return count


def enrich(source: Path, out: Path, _: Path | None) -> int:
    """Record by record: count the words."""
    import orjson  # noqa: PLC0415

    loads, dumps, find = orjson.loads, orjson.dumps, _WORD.findall
    count = 0
    with source.open("rb") as lines, (out / "all.jsonl").open("wb") as file:
        for line in lines:
            post = loads(line)
            post["ntok"] = len(find(post["text"]))
            file.write(dumps(post) + b"\n")
            count += 1
    return count


def window(source: Path, out: Path, _: Path | None) -> int:
    """Record by record: of every thousand posts, count and add up those of each language."""
    import orjson  # noqa: PLC0415

    loads, dumps = orjson.loads, orjson.dumps
    count = 0
    groups: dict[str, dict[str, Any]] = {}
    with source.open("rb") as lines, (out / "all.jsonl").open("wb") as file:
        for line in lines:
            post = loads(line)
            group = groups.get(post["lang"])
            if group is None:
                groups[post["lang"]] = {
                    "lang": post["lang"],
                    "n": 1,
                    "first": post["id"],
                    "followers": post["followers"],
                }
            else:
                group["n"] += 1
                group["followers"] += post["followers"]
            count += 1
            if count % BATCH == 0:
                file.write(b"".join([dumps(each) + b"\n" for each in groups.values()]))
                groups = {}
        file.write(b"".join([dumps(each) + b"\n" for each in groups.values()]))
    return count


def model_batched(source: Path, out: Path, path: Path | None) -> int:
    """256 rows at a time through a model."""
    import numpy as np  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415
    import orjson  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    loads, dumps = orjson.loads, orjson.dumps
    count = 0
    with source.open("rb") as lines, (out / "all.jsonl").open("wb") as file:
        while batch := list(islice(lines, MODEL_BATCH)):
            rows = [loads(line) for line in batch]
            label, p = session.run(["label", "p"], {"x": np.array([row["x"] for row in rows], dtype=np.float32)})
            for row, one, several in zip(rows, label.tolist(), p.tolist(), strict=True):
                row["label"] = one
                row["p"] = several
            file.write(b"".join([dumps(row) + b"\n" for row in rows]))
            count += len(rows)
    return count


def disk(source: Path, out: Path, _: Path | None) -> int:
    """A queue in SQLite, sixteen batches a commit, each on disk before it is read and written to a file."""
    count, group = 0, 16 * BATCH
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "queue.db", isolation_level=None)) as queue,
        source.open("rb") as lines,
        (out / "all.jsonl").open("wb") as file,
    ):
        for setting in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL", "secure_delete=OFF"):
            queue.execute(f"PRAGMA {setting}")
        queue.execute("CREATE TABLE queue (id INTEGER PRIMARY KEY, batch BLOB)")
        while together := list(islice(lines, group)):
            queue.execute("BEGIN")
            parts = [(b"".join(together[at : at + BATCH]),) for at in range(0, len(together), BATCH)]
            queue.executemany("INSERT INTO queue (batch) VALUES (?)", parts)
            queue.execute("COMMIT")
            queue.execute("BEGIN")
            taken = queue.execute("SELECT id, batch FROM queue ORDER BY id").fetchall()
            for _, batch in taken:
                file.write(batch)
            queue.executemany("DELETE FROM queue WHERE id = ?", [(id_,) for id_, _ in taken])
            queue.execute("COMMIT")
            count += len(together)
    return count


def parquet(source: Path, out: Path, _: Path | None) -> int:
    """A thousand posts at a time to columns, a row group of a hundred thousand."""
    import orjson  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    texts = [(name, pa.string()) for name in ("user", "lang", "text", "ts")]
    schema = pa.schema([("id", pa.int64()), *texts, ("followers", pa.int64()), ("tags", pa.list_(pa.string()))])
    loads, count, waiting = orjson.loads, 0, []
    with source.open("rb") as lines, pq.ParquetWriter(out / "posts.parquet", schema, compression="zstd") as file:
        while batch := list(islice(lines, BATCH)):
            rows = [loads(line) for line in batch]
            columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
            waiting.append(pa.Table.from_arrays(columns, schema=schema))
            count += len(rows)
            if len(waiting) == 100:
                file.write_table(pa.concat_tables(waiting))
                waiting.clear()
        if waiting:
            file.write_table(pa.concat_tables(waiting))
    return count


LOOPS: dict[str, Callable[[Path, Path, Path | None], int]] = {
    "pass": pass_batched, "route": route, "enrich": enrich, "model": model_batched,
    "disk": disk, "parquet": parquet, "window": window,
}  # fmt: skip


def main(name: str, source: str, out: str, model: str | None = None) -> dict[str, Any]:
    """Run one loop; what runs a model is loaded within the clock, as a flow loads it when it starts."""
    import orjson  # noqa: F401, PLC0415

    began = time.perf_counter()
    records = LOOPS[name](Path(source), Path(out), Path(model) if model else None)
    return {"seconds": time.perf_counter() - began, "records": records}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
