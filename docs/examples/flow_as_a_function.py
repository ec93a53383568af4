"""Use a flow as a function inside an aiohttp handler: many clients' requests are merged for the model and parted again.

It needs aiohttp. Run it, then: ``curl -d '{"text": "what a lovely day"}' localhost:8080/score``
"""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from router import Engine, Inbox, build_flow

MODEL = Path(__file__).parents[2] / "flows" / "models" / "sentiment.onnx"
FLOW = {
    "flow": "score",
    "processors": {
        "requests": {"type": "generate", "record": {"text": "'replaced by the inbox'"}, "to": "score"},
        "score": {
            "type": "run_model",
            "model": str(MODEL),
            "inputs": {"text": "text"},
            "outputs": {"sentiment": "score"},
            "to": "answer",
        },
        "answer": {"type": "respond"},
    },
}
CALLS = web.AppKey("calls", Inbox)


async def score(request: web.Request) -> web.Response:
    """Answer one post with its sentiment; a post that cannot be scored gets 422 from its outcome."""
    [reply] = await request.app[CALLS].call([await request.json()], timeout=5.0)
    return web.json_response(reply.record, status=reply.status)


async def run_flow(app: web.Application) -> AsyncIterator[None]:
    """Start the flow with the server and stop it after the last request."""
    inbox = Inbox()
    app[CALLS] = inbox
    async with Engine(build_flow(FLOW), replace={"requests": inbox}):
        yield


def make_app() -> web.Application:
    """The server."""
    app = web.Application()
    app.router.add_post("/score", score)
    app.cleanup_ctx.append(run_flow)
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="localhost")
