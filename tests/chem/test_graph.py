"""Flat graphs: equal to torch_geometric's, however they are selected and joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molmeta.chem.featurize import featurize
from molmeta.chem.graph import Graphs
from molmeta.chem.repair import repair

SMILES = ["CCO", "c1ccccc1", "[Na+].[Cl-]", "nonsense", "C[C@H](F)Cl", "[He]", "F/C=C/F", ""]
GRAPHS = featurize(SMILES).graphs


def test_every_kind_of_molecule(
    assorted: list[str], assert_torch_geometric: Callable[..., Any]
) -> None:
    result = featurize(assorted)
    assert not any(result.reasons)
    assert_torch_geometric(result.graphs.dense(np.arange(len(assorted))), assorted)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "n"), [("valid", None), ("train", 20_000)])
def test_real_molecules(
    real_smiles: Callable[..., Any],
    assert_torch_geometric: Callable[..., Any],
    name: str,
    n: int | None,
) -> None:
    smiles = real_smiles(name)
    smiles = smiles[:: len(smiles) // (n or len(smiles))]
    # torch_geometric makes nothing of those that molmeta repairs (test_repair).
    smiles = [text for text in smiles if repair(text) is None]
    graphs = featurize(smiles, identities=False).graphs
    for start in range(0, len(smiles), 2000):
        some = smiles[start : start + 2000]
        assert_torch_geometric(graphs.dense(start + np.arange(len(some))), some)


@given(st.lists(st.integers(0, len(SMILES) - 1), min_size=1, max_size=20))
def test_any_selection(assert_torch_geometric: Callable[..., Any], indices: list[int]) -> None:
    chosen = [SMILES[index] for index in indices]
    assert_torch_geometric(GRAPHS.dense(indices), chosen)
    assert_torch_geometric(GRAPHS.select(indices).dense(np.arange(len(indices))), chosen)


def test_bonds_stand_in_order() -> None:
    assert (GRAPHS.begins < GRAPHS.ends).all()
    molecule = np.repeat(np.arange(len(GRAPHS)), GRAPHS.n_bonds)
    keys = list(zip(molecule, GRAPHS.begins, GRAPHS.ends, strict=True))
    assert keys == sorted(keys)


def test_concatenate_undoes_select(assorted: list[str], assert_same: Callable[..., Any]) -> None:
    whole = featurize(assorted).graphs
    cuts = np.array_split(np.arange(len(whole)), 7)
    assert_same(Graphs.concatenate([whole.select(cut) for cut in cuts]), whole)
    apart = [featurize([assorted[index] for index in cut]).graphs for cut in cuts]
    joined = Graphs.concatenate(apart)
    assert_same(joined, whole)
    for name, value in vars(whole).items():
        np.testing.assert_array_equal(getattr(joined, name), value, err_msg=name)
        assert getattr(joined, name).dtype == value.dtype


def test_rejected_rows_are_empty_graphs() -> None:
    assert GRAPHS.n_atoms.tolist() == [3, 6, 2, 0, 4, 1, 4, 0]
    assert GRAPHS.dense([3, 7]).ptr.tolist() == [0, 0, 0]


@pytest.mark.parametrize("indices", [[-1], [len(SMILES)], [0, -3]])
def test_indices_outside_are_refused(indices: list[int]) -> None:
    with pytest.raises(IndexError, match="expected 0 … 7"):
        GRAPHS.dense(indices)


def test_nothing_at_all(assert_same: Callable[..., Any]) -> None:
    empty = Graphs.concatenate([])
    assert len(empty) == len(featurize([]).graphs) == len(GRAPHS.select([])) == 0
    dense = empty.dense([])
    assert dense.x.shape == (0, 9)
    assert dense.edge_index.shape == (2, 0)
    assert dense.edge_attr.shape == (0, 3)
    assert dense.ptr.tolist() == [0]
    assert_same(Graphs.concatenate([empty, GRAPHS, empty]), GRAPHS)


def test_codes_lead_to_the_rows() -> None:
    dense = GRAPHS.dense([0, 4, 6])
    np.testing.assert_array_equal(GRAPHS.atom_rows[dense.atom_codes], dense.x)
    np.testing.assert_array_equal(GRAPHS.bond_rows[dense.bond_codes], dense.edge_attr)


@pytest.mark.shared_data
def test_small(real_smiles: Callable[..., Any]) -> None:
    graphs = featurize(real_smiles("valid")[:2000]).graphs
    assert graphs.nbytes / len(graphs) < 130
