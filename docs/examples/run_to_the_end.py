"""Run a flow to its end and read what it did: ``python docs/examples/run_to_the_end.py``."""

import asyncio

from router import Engine, Record, Report, build_flow, load_registry, processor


@processor
def square(record: Record) -> Record:
    """Add the square of n."""
    return {**record, "square": record["n"] ** 2}


FLOW = {
    "flow": "squares",
    "processors": {
        "numbers": {"type": "generate", "count": 1000, "record": {"n": "meta.number"}, "to": "even"},
        "even": {"type": "filter", "where": "n % 2 == 0", "to": "square"},
        "square": {"type": "square", "to": "show"},
        "show": {"type": "log", "every": 100},
    },
}


async def main() -> Report:
    """Register the processor, build the flow, run it."""
    registry = load_registry()
    registry.processor(square)
    async with Engine(build_flow(FLOW, registry=registry)) as engine:
        return await engine.run()


if __name__ == "__main__":
    report = asyncio.run(main())
    print(report.outcome, report.processors["square"].out)
