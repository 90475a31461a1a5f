"""Fingerprints: hashed counts of environments, torsions and atom pairs, as sparse matrices.

Rogers and Hahn, "Extended-Connectivity Fingerprints", 2010, https://doi.org/10.1021/ci100050t.
Nilakantan et al., "Topological torsion", 1987, https://doi.org/10.1021/ci00054a008.
Carhart et al., "Atom pairs as molecular features", 1985, https://doi.org/10.1021/ci00046a002.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy.sparse import csr_matrix, hstack

SIZE = 2048
"""The number of columns that environments are hashed to, in stores and models."""

PAIRS_SIZE = 2048
"""The number of columns of `pairs`: torsions are hashed to the first half, pairs to the second."""


def ecfp(mols: Iterable[Chem.Mol | None]) -> csr_matrix:
    """Count the atom environments of each molecule, up to two bonds from their centres.

    >>> ethanol = Chem.MolFromSmiles("CCO")
    >>> ecfp([ethanol, None]).sum(axis=1).tolist()
    [[6], [0]]

    Args:
        mols: Molecules; the row of a None is empty.

    Returns:
        (n, SIZE) uint8, counts above 255 clipped; column indices are sorted.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=SIZE)
    return _counts(mols, generator, SIZE)


def pairs(mols: Iterable[Chem.Mol | None]) -> csr_matrix:
    """Count the topological torsions and the atom pairs of each molecule, hashed to columns.

    >>> ethanol = Chem.MolFromSmiles("CCO")
    >>> pairs([ethanol]).data.tolist()
    [1, 1, 1]

    Args:
        mols: Molecules; the row of a None is empty.

    Returns:
        (n, PAIRS_SIZE) uint8, counts above 255 clipped; column indices are sorted.
    """
    mols, size = list(mols), PAIRS_SIZE // 2
    torsions = rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=size)
    atom_pairs = rdFingerprintGenerator.GetAtomPairGenerator(fpSize=size)
    halves = [_counts(mols, generator, size) for generator in (torsions, atom_pairs)]
    return hstack(halves, format="csr")


def _counts(mols: Iterable[Chem.Mol | None], generator: Any, size: int) -> csr_matrix:
    """Count the parts of each molecule by one of RDKit's generators, (n, size) uint8."""
    columns: list[int] = []
    counts: list[int] = []
    offsets = [0]
    for mol in mols:
        if mol is not None:
            found = generator.GetCountFingerprint(mol).GetNonzeroElements()
            columns.extend(found.keys())
            counts.extend(found.values())
        offsets.append(len(columns))
    data = np.minimum(np.array(counts, np.int64), 255).astype(np.uint8)
    matrix = csr_matrix(
        (data, np.array(columns, np.int32), np.array(offsets, np.int64)),
        shape=(len(offsets) - 1, size),
    )
    matrix.sort_indices()
    return matrix


def tanimoto(left: csr_matrix, right: csr_matrix) -> NDArray[np.float64]:
    """Compute the similarity of counts: the sum of their minima over the sum of their maxima.

    >>> counts = ecfp([Chem.MolFromSmiles(smiles) for smiles in ("CCO", "CCN")])
    >>> tanimoto(counts, counts).round(2).tolist()
    [[1.0, 0.33], [0.33, 1.0]]

    Args:
        left: Counts, (n, size) uint8.
        right: Counts, (m, size) uint8.

    Returns:
        (n, m), from 0 to 1; 0 where both rows are empty.
    """
    left, right = _unary(left), _unary(right)
    shared = (left @ right.T).toarray()
    sums = np.diff(left.indptr)[:, None] + np.diff(right.indptr)[None, :]
    similarity: NDArray[np.float64] = shared / np.maximum(sums - shared, 1)
    return similarity


def _unary(counts: csr_matrix) -> csr_matrix:
    """Turn each count c into c ones in own columns, so that products of rows add up minima."""
    repeats = counts.data.astype(np.int64)
    ends = np.cumsum(repeats)
    level = np.arange(repeats.sum()) - np.repeat(ends - repeats, repeats)
    columns = np.repeat(counts.indices.astype(np.int64) * 256, repeats) + level
    offsets = np.append(0, ends)[counts.indptr]
    ones = np.ones(len(columns), np.int32)
    return csr_matrix((ones, columns, offsets), shape=(counts.shape[0], counts.shape[1] * 256))
