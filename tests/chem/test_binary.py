"""The fast reader against RDKit's getters, molecule by molecule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from molmeta.chem import binary
from molmeta.chem.atoms import first_outside, read_by_getters
from molmeta.chem.binary import is_trustworthy, read_features, to_binary
from molmeta.chem.featurize import featurize

PIECES = [
    *(
        "C",
        "N",
        "O",
        "S",
        "P",
        "F",
        "Cl",
        "Br",
        "B",
        "[Si]",
        "c1ccccc1",
        "c1cc[nH]c1",
        "C1CC1",
        ".",
    ),
    *("[C@H]", "[C@@H]", "[S@]", "/C=C/", "\\C=C/", "[N+]", "[O-]", "[NH3+]", "[13CH2]", "[2H]"),
    *("(", ")", "=", "#", "$", "~", "->", "1", "2", "%10", "[CH2]", "[C]", "[Fe+2]", "[Pt@SP1]"),
    *("*", "[CH3:1]", "[1*]", "[H]", "[H+]", "[CH9]", "[C+5]", "[C-7]", "[U+30]", "[Xe]", "[999C]"),
    *("[Co@OH3]", "[As@TB2]", " |$a;b$|", " |^1:0|", " |wU:1.0|", " |o1:1|", " |SgD:0:a:b::::|"),
]


def parsed(smiles: Sequence[str]) -> list[Chem.Mol]:
    with rdBase.BlockLogs():
        mols = [Chem.MolFromSmiles(text) for text in smiles]
    return [mol for mol in mols if mol is not None]


def assert_equals_getters(mols: list[Chem.Mol]) -> np.ndarray:
    """Returns which molecules the fast reader leaves to the getters."""
    features, strange = read_features([*map(to_binary, mols)])
    expected = read_by_getters(
        [None if odd else mol for mol, odd in zip(mols, strange, strict=True)]
    )
    for name, value in vars(features).items():
        np.testing.assert_array_equal(value, getattr(expected, name), err_msg=name)
    return strange


def test_this_rdkit_is_understood() -> None:
    assert is_trustworthy()


def test_every_kind_of_molecule(assorted: list[str]) -> None:
    strange = assert_equals_getters(parsed(assorted))
    left = {smiles for smiles, odd in zip(assorted, strange, strict=True) if odd}
    with_queries = {smiles for smiles in assorted if {*smiles} & {*"*:~"}}
    with_many_atoms = {smiles for smiles in assorted if len(smiles) > 255}
    assert left == with_queries | with_many_atoms


@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12), max_size=8))
@settings(max_examples=300)
def test_any_molecule(pieces: list[list[str]]) -> None:
    mols = parsed(["".join(parts) for parts in pieces])
    strange = assert_equals_getters(mols)
    for mol, odd in zip(mols, strange, strict=True):
        assert odd or not first_outside(mol)


def test_strange_molecules_stand_in_their_places(
    assorted: list[str], assert_same: Callable[..., Any]
) -> None:
    rows = [smiles for text in assorted[:50] for smiles in (text, "*CC", "C" * 300, "[C+20]", "?")]
    result = featurize(rows)
    assert sum(map(bool, result.reasons)) == 2 * 50
    assert_same(result.graphs.select(np.arange(0, len(rows), 5)), featurize(assorted[:50]).graphs)
    assert result.graphs.n_atoms[1:5].tolist() == [3, 300, 0, 0]


def test_another_format_is_noticed(
    assorted: list[str], assert_same: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = featurize(assorted).graphs
    for name in ("_BEGIN_RINGS", "_SP3", "_AT_ATOM_COUNT"):
        monkeypatch.setattr(binary, name, getattr(binary, name) - 1)
        is_trustworthy.cache_clear()
        with pytest.warns(UserWarning, match="another binary format"):
            assert not is_trustworthy()
        assert_same(featurize(assorted).graphs, expected)
        monkeypatch.undo()
    is_trustworthy.cache_clear()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "n"), [("valid", None), ("train", 20_000)])
def test_real_molecules(real_smiles: Callable[..., Any], name: str, n: int | None) -> None:
    smiles = real_smiles(name)
    step = 1 if n is None else len(smiles) // n
    mols = parsed(smiles[::step][:n])
    for start in range(0, len(mols), 512):
        strange = assert_equals_getters(mols[start : start + 512])
        assert not strange.any()
