"""Push records into a flow, hear of each one's end, and read results as they come."""

import asyncio

from router import Engine, Inbox, Outbox, Outcome, Record, build_flow

FLOW = {
    "flow": "moods",
    "processors": {
        "posts": {"type": "generate", "record": {"text": "'replaced by the inbox'"}, "to": "keep"},
        "keep": {"type": "filter", "where": "length(text) > 3", "to": "shout"},
        "shout": {"type": "set_fields", "set": {"text": "upper(text)"}, "to": "results"},
        "results": {"type": "log"},
    },
}


async def main() -> tuple[list[Outcome], list[Record]]:
    """Put an inbox in place of the source and an outbox in place of the sink."""
    inbox, outbox = Inbox(), Outbox()

    async def read() -> list[Record]:
        return [record async for record in outbox]

    async with Engine(build_flow(FLOW), replace={"posts": inbox, "results": outbox}) as engine:
        reader = asyncio.ensure_future(read())
        # Returns when the records have met their end: read from the outbox, or dropped by the filter.
        outcomes = [await inbox.push([{"text": "hello"}]), await inbox.push([{"text": "hi"}])]
        inbox.end()
        await engine.run()
        return outcomes, await reader


if __name__ == "__main__":
    print(asyncio.run(main()))
