"""SDF with known labels, written in every way: each molecule has its own, or a reason."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.generators.campaign import covering
from tests.generators.records import Draw, draw, judge, run, write
from tests.generators.verdict import READ, WRONG

_BLOCK, _N_FAST, _N = 50, 600, 5_600
_FAST = covering(draw, _N_FAST, times=3)


def assert_right(seeds: Iterable[int], folder: Path) -> None:
    tally = run(seeds, folder)
    assert not tally.counts[WRONG], f"{dict(tally.counts)}\n" + "\n".join(tally.faults)


@pytest.mark.parametrize("start", range(0, len(_FAST), _BLOCK))
def test_every_record_keeps_its_own(start: int, tmp_path: Path) -> None:
    assert_right(_FAST[start : start + _BLOCK], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, _N, _BLOCK))
def test_many_more(start: int, tmp_path: Path) -> None:
    assert_right(sorted({*range(start, start + _BLOCK)} - {*_FAST}), tmp_path)


def test_the_judge_sees_what_is_wrong(tmp_path: Path) -> None:
    assert judge(Draw(0), tmp_path).kind == READ
    written = write(Draw(0))
    assert written.content.count(b"$$$$") == 20
    assert written.expected.must_read
