"""Many combinations: how many are read right, refused or wrong, and what is wrong made small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Protocol
from unittest import mock

from molmeta.assays import build, library
from molmeta.chem.featurize import Featurized, featurize_stream
from molmeta.chem.molecule import parses
from tests.generators.choices import Combination, draw, smallest
from tests.generators.files import write
from tests.generators.verdict import REFUSED, WRONG, Read, Tally, by_library, judge


class Drawn(Protocol):
    """What was drawn, and which of it is odd."""

    @property
    def unusual(self) -> Mapping[str, str]: ...

    @property
    def odd(self) -> list[str]: ...


def covering(draw: Callable[[int], Drawn], n: int, times: int) -> list[int]:
    """Leave out the seeds below n that try nothing rare.

    The others hold each choice, and each two odd dimensions at once, `times` times, or as often
    as all n do.
    """
    seeds, counts = [], Counter[object]()
    for seed in range(n):
        drawn = draw(seed)
        tried = {*drawn.unusual.items(), *combinations(sorted(drawn.odd), 2)}
        if any(counts[each] < times for each in tried):
            seeds.append(seed)
            counts.update(tried)
    return seeds


@contextmanager
def featurized_once() -> Iterator[None]:
    """Featurize the same molecules once in all files: what a table is read as needs no more."""
    known: dict[object, list[Featurized]] = {}

    def featurize(chunks: Iterable[Iterable[object]], **how: object) -> Iterator[Featurized]:
        for chunk in chunks:
            smiles = list(chunk)
            key = (tuple(smiles), *map(repr, how.items()))
            if key not in known:
                known[key] = list(featurize_stream([smiles], **how))  # type: ignore[arg-type]
            yield from known[key]

    once = lru_cache(maxsize=4096)(parses)
    with (
        mock.patch.object(build, "featurize_stream", featurize),
        mock.patch.object(library, "parses", once),
    ):
        yield


def run(
    seeds: Iterable[int], folder: Path, read: Read = by_library, *, n_smallest: int = 3
) -> Tally:
    """Judge the combinations of some seeds; the first faults are made small."""
    with featurized_once():
        return _run(seeds, folder, read, n_smallest)


def _run(seeds: Iterable[int], folder: Path, read: Read, n_smallest: int) -> Tally:
    tally = Tally()
    for seed in seeds:
        combination = draw(seed)
        written = write(combination)
        verdict = judge(written, folder, read)
        tally.counts[verdict.kind] += 1
        tally.counts["must read"] += written.expected.must_read
        if verdict.kind == REFUSED:
            tally.refusals.append(verdict.why)
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
