"""Tables with known values, written in every way: read right, or refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from molmeta.assays import AssayStore, open_library
from molmeta.errors import InputError
from tests.cli.program import molmeta
from tests.generators.campaign import covering, describe, run
from tests.generators.choices import Combination, draw
from tests.generators.files import write
from tests.generators.verdict import Reading, Tally, by_support, judge

_BLOCK = 100
_N_FAST, _N = 2_000, 12_000
_FAST = covering(draw, _N_FAST, times=2)


def assert_right(tally: Tally) -> None:
    faults = "\n".join(tally.faults)
    assert tally.counts["wrong"] == 0, f"{dict(tally.counts)}\n{faults}"


@pytest.mark.parametrize("start", range(0, len(_FAST), _BLOCK))
def test_every_table_is_read_right_or_refused(start: int, tmp_path: Path) -> None:
    assert_right(run(_FAST[start : start + _BLOCK], tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, _N, _BLOCK))
def test_many_more_tables(start: int, tmp_path: Path) -> None:
    assert_right(run(sorted({*range(start, start + _BLOCK)} - {*_FAST}), tmp_path))


@pytest.mark.parametrize("n", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_the_program_reads_alike(n: int, tmp_path: Path) -> None:
    assert_right(run(range(1_000_000, 1_000_000 + n), tmp_path, by_program))


@pytest.mark.parametrize("n", [40, pytest.param(100, marks=pytest.mark.slow)])
def test_support_sets_are_read_alike(n: int, tmp_path: Path) -> None:
    assert_right(run(range(2_000_000, 2_000_000 + n), tmp_path, by_support))


def test_libraries_have_a_row_for_every_row(tmp_path: Path) -> None:
    """One row in, one row out: whatever the values are, the molecules come in the file's order."""
    for seed in range(3_000_000, 3_000_100):
        if draw(seed).unusual.get("extra") == "short row":
            continue  # the molecule may be the cell that is cut off
        written = write(draw(seed))
        path = tmp_path / written.name
        path.write_bytes(written.content)
        try:
            library = open_library(path, written.told.get("smiles_column"))
            frames = list(library.chunks())
        except InputError:
            assert not written.expected.must_read
            continue
        cells = [str(c).strip() for frame in frames for c in frame[library.smiles_column]]
        right = list({row.number: row.smiles.strip() for row in written.expected.rows}.values())
        rest = iter(cells)
        assert all(smiles in rest for smiles in right), describe(draw(seed), tmp_path)
        strange = [cell for cell in cells if cell not in {*right, *written.expected.junk}]
        assert not strange, f"{strange}\n{describe(draw(seed), tmp_path)}"


def by_program(path: Path, told: dict[str, str]) -> Reading:
    """Read a file with `molmeta featurize`, which says how many rows there were."""
    out = path.parent / "out.store"
    flags = [part for name, text in told.items() for part in (_flag(name), text)]
    # A value such as -6 must not look like a flag.
    joined = [f"{a}={b}" for a, b in zip(flags[::2], flags[1::2], strict=True)]
    done = molmeta("featurize", path, "-o", out, "--workers", 1, *joined)
    if done.returncode == 2:
        raise InputError(done.stderr + done.stdout)
    assert done.returncode == 0, done.stderr
    store = AssayStore.open(out)
    assert f"{len(store.audit):,} rows = " in done.stdout + done.stderr
    return Reading.of(store, done.stdout + done.stderr)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def test_well_formed_tables_are_a_good_part() -> None:
    n_plain = sum(write(draw(seed)).expected.must_read for seed in range(500))
    assert n_plain >= 50


def test_the_judge_sees_what_is_wrong(tmp_path: Path) -> None:
    """A file whose labels are turned round, or whose rows are lost, is no good."""
    written = write(Combination(0))
    assert judge(written, tmp_path).kind == "read"
    written.told["direction"] = "higher"
    assert judge(written, tmp_path).kind == "wrong"
    written.told.pop("direction")
    written.expected.rows.pop()
    assert judge(written, tmp_path).kind == "wrong"
