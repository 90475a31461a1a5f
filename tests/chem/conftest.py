"""Molecules of many kinds, and torch_geometric as the oracle of their graphs."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from scipy.sparse import csr_matrix

from molmeta.chem.graph import DenseGraphs, Graphs

_FILE = Path(__file__).parent / "assorted.smi"
WRITTEN = [line.split()[0] for line in _FILE.read_text(encoding="utf-8").splitlines()]
IONS = [
    f"[{Chem.GetPeriodicTable().GetElementSymbol(number)}{charge}]"
    for number, charge in product(range(1, 119), ("", "+", "-2"))
]
LARGE = [
    "C" * 255,
    "C" * 256,
    "C" * 257,
    "CC(C)" * 80 + "[C@H](F)Cl",
    "c1ccccc1." * 60 + "O",
    "C1CC1" * 180,
]
ASSORTED = [*WRITTEN, *IONS, *LARGE]


def assert_same_counts(one: csr_matrix | None, other: csr_matrix | None) -> None:
    assert one is not None
    assert other is not None
    assert (one != other).nnz == 0


@pytest.fixture(scope="session")
def assorted() -> list[str]:
    """Some 550 SMILES of every kind; torch_geometric can express those that RDKit can read."""
    return ASSORTED


@pytest.fixture(scope="session")
def real_smiles(shared_data: Path) -> Callable[[str], list[str]]:
    """The distinct SMILES of one of FS-Mol's files, "train" or "valid"."""

    def read(name: str) -> list[str]:
        with gzip.open(shared_data / "fsmol" / f"{name}.csv.gz") as file:
            return list(pd.read_csv(file, usecols=["smiles"])["smiles"].unique())

    return read


@pytest.fixture(scope="session")
def assert_torch_geometric() -> Callable[[DenseGraphs, Sequence[str]], None]:
    """Raises unless a batch is the one that torch_geometric makes of these SMILES."""
    from torch_geometric.data import Batch
    from torch_geometric.utils import from_smiles

    def check(dense: DenseGraphs, smiles: Sequence[str]) -> None:
        batch = Batch.from_data_list([from_smiles(text) for text in smiles])
        for name in ("x", "edge_index", "edge_attr", "batch", "ptr"):
            expected, got = getattr(batch, name).numpy(), getattr(dense, name)
            assert got.dtype == expected.dtype, name
            np.testing.assert_array_equal(got, expected, err_msg=name)

    return check


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Graphs, Graphs], None]:
    """Raises unless two `Graphs` hold the same molecules; palettes may differ."""

    def check(left: Graphs, right: Graphs) -> None:
        assert len(left) == len(right)
        everything = np.arange(len(left))
        other = right.dense(everything)
        for name, value in vars(left.dense(everything)).items():
            if not name.endswith("_codes"):
                np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)

    return check
