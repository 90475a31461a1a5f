"""Worker processes: results in order, whatever hangs, crashes, fails or is interrupted."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from molmeta.chem.featurize import featurize, featurize_stream
from molmeta.chem.workers import READ_AHEAD, map_in_order
from tests.chem.conftest import assert_same_counts
from tests.chem.shout import shout


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()


def shouted(
    pieces: Sequence[Sequence[str]], workers: int = 2, time_limit: float = 100.0
) -> Iterator[list[str]]:
    answers = map_in_order(
        shout,
        pieces,
        workers=workers,
        time_limit=time_limit,
        give_up=lambda row, reason: [f"{row}: {reason}"],
    )
    for parts in answers:
        yield [row for part in parts for row in part]


def test_order_is_kept() -> None:
    pieces = [[f"row {piece}.{row}" for row in range(piece % 4)] for piece in range(60)]
    assert list(shouted(pieces)) == [[row.upper() for row in piece] for piece in pieces]


def test_a_row_on_which_it_hangs_is_given_up() -> None:
    pieces = [["a", "b"], [*"cdefg", "hang", "h"], ["i"], ["hang"]]
    expected = [["A", "B"], [*"CDEFG", "hang: RDKit took too long over it", "H"], ["I"]]
    assert list(shouted(pieces, time_limit=1)) == [*expected, ["hang: RDKit took too long over it"]]


def test_a_busy_machine_rejects_no_row() -> None:
    """Time counts only while the worker computes."""
    assert list(shouted([["starve", "a"], ["b"]], time_limit=1)) == [["STARVE", "A"], ["B"]]


def test_a_row_on_which_it_crashes_is_given_up() -> None:
    pieces = [["a", "crash", "b"], ["c"], ["crash", "d", "crash"]]
    reason = "crash: RDKit crashed on it"
    assert list(shouted(pieces)) == [["A", reason, "B"], ["C"], [reason, "D", reason]]


def test_a_bug_is_raised() -> None:
    with pytest.raises(KeyError, match="a bug"):
        list(shouted([["a"], ["bug"], ["b"]]))


def test_memory_is_bounded() -> None:
    """No more is read than can be under way, though nothing is taken out."""
    n_read = 0

    def endless() -> Iterator[list[str]]:
        nonlocal n_read
        while True:
            n_read += 1
            yield ["row"]

    stream = shouted(endless())  # type: ignore[arg-type]
    for _ in range(5):
        assert next(stream) == ["ROW"]
    cast(Generator[list[str]], stream).close()
    assert n_read <= 5 + READ_AHEAD * 2


def test_featurize_is_the_same(assorted: list[str], assert_same: Callable[..., Any]) -> None:
    rows: list[object] = [*assorted, None, float("nan"), 3, "nonsense"] * 4
    alone, together = (featurize(rows, workers=n, reads=["graphs", "fingerprints"]) for n in (1, 2))
    assert_same(alone.graphs, together.graphs)
    np.testing.assert_array_equal(alone.graphs.atoms, together.graphs.atoms)
    assert alone.identities == together.identities
    assert alone.reasons == together.reasons
    assert_same_counts(alone.fingerprints, together.fingerprints)
    chunks = [rows[:700], [], rows[700:]]
    sizes = [len(part) for part in featurize_stream(chunks, workers=2)]
    assert sizes == [700, 0, len(rows) - 700]


@pytest.mark.slow
def test_rdkit_hangs() -> None:
    """A real one: finding the rings of some ten thousand small rings takes a minute or more."""
    rows = ["CCO", "C1CC1" * 6000, "CCN"]
    result = featurize(rows, max_atoms=100_000, time_limit=8)
    assert result.reasons == ["", "RDKit took too long over it", ""]
    assert result.graphs.n_atoms.tolist() == [3, 0, 3]


# Python leaves SIGINT ignored where its parent did, as shells do for what runs in the background.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from molmeta.chem.featurize import featurize
print("begun", flush=True)
print(len(featurize(["CCO", "c1ccccc1"] * {n}, workers=2)))
"""


@pytest.mark.slow  # on a busy machine a process can take longer to die than the test waits
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_its_parent(sent: int, root: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(n=10_000_000))
    process = subprocess.Popen(
        [sys.executable, program],
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    deadline = time.monotonic() + 60
    while len(members(process.pid)) < 4 and time.monotonic() < deadline:  # and a tracker
        time.sleep(0.05)
    os.killpg(process.pid, sent) if sent == signal.SIGINT else process.send_signal(sent)
    _, errors = process.communicate(timeout=120)
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not members(process.pid)
    if sent == signal.SIGINT:
        assert "KeyboardInterrupt" in errors


def members(session: int) -> list[str]:
    """The processes of a session that are still alive."""
    alive = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, owner, *_ = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(owner) == session and state != "Z":
            alive.append(stat.parent.name)
    return alive


@pytest.mark.parametrize("by_file", [True, False])
def test_a_program_needs_no_guard(root: Path, tmp_path: Path, by_file: bool) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(n=10))
    result = subprocess.run(
        [sys.executable, program if by_file else "-"],
        input=None if by_file else program.read_text(),
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "begun\n20\n", "")
