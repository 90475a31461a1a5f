"""Many combinations: how many are read right, refused, or wrong, and the smallest that are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.generators.choices import Combination, draw, smallest
from tests.generators.files import write
from tests.generators.verdict import WRONG, Read, by_library, judge


@dataclass
class Tally:
    """Counts, and each kind of fault with its smallest example.

    Attributes:
        counts: Of `read`, `refused` and `wrong`, and of `must read`, those well-formed.
        faults: Text that says how to make the fault again.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def run(
    seeds: Iterable[int], folder: Path, read: Read = by_library, *, n_smallest: int = 3
) -> Tally:
    """Judge the combinations of some seeds; the first faults are made small."""
    tally = Tally()
    for seed in seeds:
        combination = draw(seed)
        written = write(combination)
        verdict = judge(written, folder, read)
        tally.counts[verdict.kind] += 1
        tally.counts["must read"] += written.expected.must_read
        if verdict.kind == WRONG:
            small = combination
            if len(tally.faults) < n_smallest:
                small = smallest(
                    combination, lambda each: judge(write(each), folder, read).kind == WRONG
                )
            tally.faults.append(describe(small, folder, read))
    return tally


def describe(combination: Combination, folder: Path, read: Read = by_library) -> str:
    """A fault for people: what was drawn, what was told, how it went wrong, the first lines."""
    written = write(combination)
    verdict = judge(written, folder, read)
    plain = write(combination.without("container")).content[:400]
    start = "\n      ".join(plain.decode(errors="replace").splitlines()[:5])
    return (
        f"seed {combination.seed}: {combination.unusual}\n   {written.name} {written.told}\n"
        f"   {verdict.why}\n      {start}"
    )
