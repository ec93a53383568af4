"""The bare servers: an aiohttp handler that does the work of a flow for each request by itself, or only answers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]
MODEL = Path(__file__).parents[1] / "flows" / "models" / "sentiment.onnx"


def writing(out: Path, *, synced: bool) -> Handler:
    """Write each body to a file, and wait for the disk if asked to."""
    file = os.open(out / "all.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    async def handle(request: web.Request) -> web.Response:
        os.write(file, await request.read() + b"\n")
        if synced:
            os.fsync(file)
        return web.Response()

    return handle


def scoring() -> Handler:
    """Call the model for each post."""
    import numpy as np  # noqa: PLC0415 - the others do without
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])

    async def handle(request: web.Request) -> web.Response:
        post = json.loads(await request.read())
        (scores,) = session.run(["score"], {"text": np.array([post["text"]], dtype=object)})
        post["sentiment"] = float(scores[0])
        return web.json_response(post)

    return handle


async def answering(request: web.Request) -> web.Response:
    """Answer the same to everybody, having read what was asked."""
    body = await request.read()
    return web.Response(body=b'{"score":0.5,"size":%d}' % len(body), content_type="application/json")


async def serve(kind: str, out: Path) -> None:
    """Listen on a free port, and say which."""
    app = web.Application()
    if kind == "score":
        app.router.add_post("/score", scoring())
    elif kind == "answer":
        app.router.add_post("/answer", answering)
    else:
        app.router.add_post("/in", writing(out, synced=kind == "sync"))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", file=sys.stderr, flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
