"""The table of features: all that is computed of a molecule beside its graph.

Whatever computes, stacks, stores or batches features goes through `FEATURES`, by name. A new
feature is one more entry there, and one in `FEATURE_SPEC`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from scipy import sparse

from molmeta.chem.descriptors import describe
from molmeta.chem.fingerprint import ecfp, pairs
from molmeta.errors import InputError

GRAPHS = "graphs"
"""The name of what is read first, and in another way: see `chem.graph`."""

Matrix = Any
"""A row a molecule: counts as a `scipy.sparse.csr_matrix`, or numbers as an array."""


@dataclass(frozen=True)
class Feature:
    """Something that is computed of molecules, a row each.

    >>> FEATURES["fingerprints"].compute([Chem.MolFromSmiles("CCO")]).shape
    (1, 2048)
    >>> FEATURES["fingerprints"].file, FEATURES["descriptors"].file
    ('fingerprints.npz', 'descriptors.npy')

    Attributes:
        name: What encoders call it in `reads`.
        compute: Molecules → the matrix; the row of a None is empty, or NaN.
        counts: How its tensors' names begin in a batch if it is counts, a sparse matrix; ""
            if it is numbers.
    """

    name: str
    compute: Callable[[Iterable[Chem.Mol | None]], Matrix]
    counts: str = ""

    @property
    def file(self) -> str:
        """Name its file in a store."""
        return f"{self.name}.npz" if self.counts else f"{self.name}.npy"

    def stack(self, parts: Sequence[Matrix]) -> Matrix:
        """Join the rows of all parts (at least one), in order."""
        return sparse.vstack(parts, format="csr") if self.counts else np.concatenate(parts)

    def save(self, folder: Path, matrix: Matrix) -> None:
        """Write the matrix to its file in a store's folder."""
        if self.counts:
            sparse.save_npz(folder / self.file, matrix)
        else:
            np.save(folder / self.file, matrix)

    def load(self, folder: Path) -> Matrix:
        """Read the matrix from its file in a store's folder; numbers are memory-mapped."""
        if self.counts:
            return sparse.load_npz(folder / self.file).tocsr()
        return np.load(folder / self.file, mmap_mode="r")


FEATURES = {
    feature.name: feature
    for feature in (
        Feature("fingerprints", ecfp, "fp"),  # counts of environments, (n, 2048) uint8
        Feature("pairs", pairs, "pair"),  # counts of torsions and atom pairs, (n, 2048) uint8
        Feature("descriptors", describe),  # those of `DESCRIPTORS`, (n, 69) float32
    )
}
"""All features by name, in the order in which they are computed and stored."""


def chosen(reads: Collection[str]) -> list[Feature]:
    """List the features among `reads`, in the table's order.

    >>> [feature.name for feature in chosen(["pairs", "graphs", "fingerprints"])]
    ['fingerprints', 'pairs']

    Raises:
        InputError: If there is none of a name.
    """
    for name in reads:
        if name != GRAPHS and name not in FEATURES:
            raise InputError.of(
                "feature of molecules", got=repr(name), expected=f"one of {[GRAPHS, *FEATURES]}"
            )
    return [feature for name, feature in FEATURES.items() if name in reads]
