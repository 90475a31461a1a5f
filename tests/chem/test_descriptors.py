"""Descriptors against those of the same name in `rdkit.Chem.Descriptors`."""

from __future__ import annotations

import hashlib

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors

from molmeta.chem.descriptors import DESCRIPTORS, describe
from molmeta.chem.featurize import FEATURE_SPEC, featurize


def test_values_are_those_of_rdkit(assorted: list[str]) -> None:
    with rdBase.BlockLogs():
        mols = [Chem.MolFromSmiles(smiles) for smiles in assorted]
        values = describe(mols)
        expected = np.array(
            [[getattr(Descriptors, name)(mol) for name in DESCRIPTORS] for mol in mols], np.float64
        )
    assert values.dtype == np.float32
    expected[~np.isfinite(expected)] = np.nan
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert np.isnan(values).any(axis=1).sum() < 0.05 * len(mols)


def test_the_columns_are_those_that_the_specification_names() -> None:
    """Whoever changes them must rename "descriptors" in `FEATURE_SPEC`, and then this digest."""
    digest = hashlib.sha256(" ".join(DESCRIPTORS).encode()).hexdigest()[:8]
    assert (FEATURE_SPEC["descriptors"], digest) == ("rdkit69", "c98f657d")


def test_rejected_molecules_are_nan() -> None:
    values = describe([None, Chem.MolFromSmiles("CCO"), None])
    assert np.isnan(values).all(axis=1).tolist() == [True, False, True]
    assert describe([]).shape == (0, len(DESCRIPTORS))


def test_featurize_gives_them_by_option(assorted: list[str]) -> None:
    rows = ["nonsense", *assorted, *assorted]
    result = featurize(rows, identities=False, reads=["graphs", "descriptors"])
    assert result.descriptors is not None
    expected = describe([None, *(Chem.MolFromSmiles(smiles) for smiles in rows[1:])])
    np.testing.assert_array_equal(result.descriptors, expected)
    assert featurize(rows).descriptors is None
