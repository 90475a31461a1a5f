"""Counts against RDKit's own, and Tanimoto similarity against RDKit's own."""

from __future__ import annotations

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molmeta.chem.fingerprint import PAIRS_SIZE, ecfp, pairs, tanimoto


def test_counts(assorted: list[str]) -> None:
    mols = [Chem.MolFromSmiles(smiles) for smiles in assorted]
    counts = ecfp(mols)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    expected = np.stack([generator.GetCountFingerprintAsNumPy(mol) for mol in mols])
    assert counts.dtype == np.uint8
    assert counts.has_sorted_indices
    np.testing.assert_array_equal(counts.toarray(), np.minimum(expected, 255))


def test_pairs_are_torsions_beside_atom_pairs(assorted: list[str]) -> None:
    # The last has more than 255 of a kind, of either.
    mols = [Chem.MolFromSmiles(smiles) for smiles in [*assorted, "C" * 300]]
    counts = pairs(iter(mols))
    generators = (
        rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=1024),
        rdFingerprintGenerator.GetAtomPairGenerator(fpSize=1024),
    )
    expected = np.stack(
        [np.concatenate([g.GetCountFingerprintAsNumPy(mol) for g in generators]) for mol in mols]
    )
    assert (expected[-1].reshape(2, 1024).max(1) > 255).all()
    assert counts.shape == (len(mols), PAIRS_SIZE)
    assert counts.dtype == np.uint8
    assert all((np.diff(row.indices) > 0).all() for row in counts)
    np.testing.assert_array_equal(counts.toarray(), np.minimum(expected, 255))


def test_rejected_molecules_have_empty_rows() -> None:
    for count, n_kinds in ((ecfp, 6), (pairs, 3)):  # three pairs of atoms, no torsion
        counts = count([None, Chem.MolFromSmiles("CCO"), None])
        assert counts.shape == (3, 2048)
        assert counts.getnnz(axis=1).tolist() == [0, n_kinds, 0]
        assert count([]).shape == (0, 2048)


def test_tanimoto(assorted: list[str]) -> None:
    mols = [Chem.MolFromSmiles(smiles) for smiles in assorted[:150]]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    theirs = [generator.GetCountFingerprint(mol) for mol in mols]
    ours = tanimoto(ecfp(mols), ecfp(mols[:20]))
    expected = [DataStructs.BulkTanimotoSimilarity(one, theirs) for one in theirs[:20]]
    np.testing.assert_allclose(ours, np.transpose(expected), rtol=1e-12)


def test_tanimoto_of_nothing() -> None:
    one = ecfp([Chem.MolFromSmiles("CCO"), None])
    assert tanimoto(one, one).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert tanimoto(one, ecfp([])).shape == (2, 0)
