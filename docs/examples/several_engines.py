"""Run several flows in one event loop: no globals, no signal handlers, no settings of the process touched."""

import asyncio

from router import Engine, Report, build_flow


def counting(name: str, count: int) -> dict[str, object]:
    """A flow that makes records and counts them."""
    return {
        "flow": name,
        "processors": {
            "make": {"type": "generate", "count": count, "record": {"n": "meta.number"}, "to": "keep"},
            "keep": {"type": "filter", "where": "n % 2 == 0", "to": "show"},
            "show": {"type": "log", "every": 1000},
        },
    }


async def run(name: str, count: int) -> Report:
    """Run one of them."""
    async with Engine(build_flow(counting(name, count))) as engine:
        return await engine.run()


async def main() -> tuple[Report, Report]:
    """Run two side by side."""
    return await asyncio.gather(run("first", 3000), run("second", 5000))


if __name__ == "__main__":
    for report in asyncio.run(main()):
        print(report.flow, report.processors["keep"].out["success"])
