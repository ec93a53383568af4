"""``python -m bench``: run the workloads, print the table, keep the results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bench import control, http_in, http_out, outside, report, ui
from bench.children import measured
from bench.provenance import provenance
from bench.workloads import WORKLOADS, compare

Rows = list[dict[str, Any]]


def main() -> int:
    """Measure what was asked for; 1 if outputs differ, or in a whole run a bar is missed."""
    arguments = _arguments()
    records = arguments.records or (20_000 if arguments.short else 1_000_000)
    rounds = arguments.rounds or (1 if arguments.short else 5)
    others: Mapping[str, Callable[[], Rows]] = {
        "step": lambda: measured("step", min(records, 200_000)),
        "hop": lambda: measured("hop", 200 if arguments.short else 20_000),
        "start": lambda: outside.start(1 if arguments.short else 9),
        "memory": lambda: outside.memory(records),
        "provenance": lambda: provenance(records, rounds),
        "control": lambda: control.measure(records, 1.0, 2 if arguments.short else 12 * rounds),
        "ui": lambda: ui.measure(records, 2.0, 2 if arguments.short else 8 * rounds),
        **{
            work.name: partial(http_in.measure, work, 0.3 if arguments.short else 5.0, rounds)
            for work in http_in.COMPARISONS
        },
        "rest": lambda: http_out.measure(2_000 if arguments.short else records, rounds),
    }
    names = [*(work.name for work in WORKLOADS), *others]
    wanted = arguments.only or names
    if unknown := [name for name in wanted if not any(each.startswith(name) for each in names)]:
        print(f"bench: no workload {unknown[0]!r}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    before = report.machine()
    rows: Rows = []
    different = False
    for work in WORKLOADS:
        if any(work.name.startswith(name) for name in wanted):
            result = compare(work, records, rounds)
            different |= not result.same
            rows.append(report.row_of(result))
    for name, measure in others.items():
        if any(name.startswith(each) for each in wanted):
            rows += measure()
    print(f"\n{report.table(rows, judged=not arguments.short)}")
    if arguments.short:
        return 1 if different else 0
    if not arguments.only:
        print(f"\nkept in {report.keep(rows, before, records)}")
    return 0 if all(row["met"] for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, epilog="BENCH_OUT=DIR: where the sides write, as /dev/shm."
    )
    parser.add_argument("--short", action="store_true", help="few records, one round, no bars: do they run and agree")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="this workload, or those that begin so; may be repeated"
    )
    parser.add_argument("--records", type=int, help="how many records, instead of a million")
    parser.add_argument("--rounds", type=int, help="how many rounds, instead of five")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
