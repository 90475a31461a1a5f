"""Read files with known values, written in every way, by the hundred thousand.

    python benchmarks/generated_files.py [--kind tables] [--seeds 0:100000] [-o RESULTS.jsonl]
    python benchmarks/generated_files.py --kind sdf

Prints how many were read right, how many refused and why, and how many came out wrong, which must
be none; each that did is shown as small as it can be made. What is done stands in RESULTS.jsonl, a
line a hundred seeds: the same call goes on after it.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.generators import campaign, records

BLOCK = 100
KINDS = {"tables": campaign.run, "sdf": records.run}


def block(kind: str, start: int) -> dict[str, object]:
    """Judge the seeds of one block."""
    with tempfile.TemporaryDirectory(prefix="molmeta-generated-") as folder:
        tally = KINDS[kind](range(start, start + BLOCK), Path(folder))
    reasons = Counter(map(kind_of, tally.refusals))
    counts, faults = dict(tally.counts), tally.faults
    return {"start": start, "counts": counts, "faults": faults, "reasons": dict(reasons)}


def kind_of(message: str) -> str:
    """A refusal without the names, cells and numbers in it."""
    got = message.split("; expected")[0]
    got = re.sub(r"'[^']*'(?:, '[^']*')*", "…", got)
    return re.sub(r"/\S+/|\d[\d.,:]*", "", got).strip()[:120]


def results(kind: str, starts: list[int], workers: int, out: Path) -> Iterator[dict[str, Any]]:
    """The blocks' results, those done before first; new ones are written down as they come."""
    done = {}
    if out.exists():
        for line in out.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            done[row["start"]] = row
    yield from (row for start, row in done.items() if start in set(starts))
    left = [start for start in starts if start not in done]
    # What is imported is never garbage: a sixth of the time goes into looking at it again.
    gc.freeze()
    pool = multiprocessing.Pool(workers, gc.set_threshold, (50_000,))
    with pool, out.open("a", encoding="utf-8") as file:
        for row in pool.imap_unordered(partial(block, kind), left):
            file.write(json.dumps(row) + "\n")
            file.flush()
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kind", choices=KINDS, default="tables")
    parser.add_argument("--seeds", default="0:100000", metavar="FROM:TO")
    parser.add_argument("--workers", type=int, default=max(1, len(os.sched_getaffinity(0))))
    parser.add_argument("-o", "--output", type=Path, help="default: generated_KIND.jsonl")
    given = parser.parse_args()
    first, last = map(int, given.seeds.split(":"))
    out = given.output or Path(f"generated_{given.kind}.jsonl")
    starts = list(range(first, last, BLOCK))
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    faults: list[str] = []
    began = shown = time.monotonic()
    for row in results(given.kind, starts, given.workers, out):
        counts.update(row["counts"])
        reasons.update(row["reasons"])
        faults += row["faults"]
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            print(f"  {dict(counts)}, {shown - began:.0f} s", flush=True)
    for fault in faults:
        print(fault)
    n = counts["read"] + counts["refused"] + counts["wrong"]
    print(
        f"{n:,} {given.kind}: {counts['read']:,} read right, {counts['refused']:,} refused, ",
        end="",
    )
    print(f"{counts['wrong']:,} wrong; {counts['must read']:,} well-formed ones had to be read")
    for reason, count in reasons.most_common(40):
        print(f"  {count:>8,}  {reason}")
    sys.exit(1 if counts["wrong"] else 0)


if __name__ == "__main__":
    main()
