"""Many SMILES → arrays: the one way in, for stores and for queries alike.

One row in, one row out, always: what does not parse becomes an empty graph with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from rdkit import Chem
from scipy.sparse import csr_matrix, vstack

from molmeta.chem.features import ATOM_SIZES, BOND_SIZES, atom_row, bond_row, first_outside
from molmeta.chem.fingerprint import ecfp
from molmeta.chem.graph import Graphs
from molmeta.chem.molecule import MAX_ATOMS, Molecule, parse_all

FEATURE_SPEC: dict[str, object] = {
    "version": 1,
    "atoms": "pyg9",
    "bonds": "pyg3",
    "ecfp": {"radius": 2, "size": 2048, "counts": True},
}
"""What stores and checkpoints record, and compare before they are used together."""

CHUNK = 512


@dataclass(frozen=True)
class Featurized:
    """What a model reads of n input rows.

    Attributes:
        graphs: n graphs, empty where the row was rejected.
        identities: RDKit's canonical isomeric SMILES, (n,); "" where rejected or not asked for.
        reasons: Why the row was rejected, (n,); "" where it was accepted.
        fingerprints: ECFP counts, (n, 2048) uint8, empty rows where rejected; None if not asked
            for.
    """

    graphs: Graphs
    identities: list[str]
    reasons: list[str]
    fingerprints: csr_matrix | None = None

    def __len__(self) -> int:
        return len(self.reasons)

    @staticmethod
    def concatenate(parts: Sequence[Featurized]) -> Featurized:
        """All rows of all parts, in order."""
        matrices = [part.fingerprints for part in parts if part.fingerprints is not None]
        return Featurized(
            graphs=Graphs.concatenate([part.graphs for part in parts]),
            identities=[identity for part in parts for identity in part.identities],
            reasons=[reason for part in parts for reason in part.reasons],
            fingerprints=vstack(matrices, format="csr") if matrices else None,
        )


def featurize(
    smiles: Sequence[object],
    *,
    fingerprints: bool = False,
    identities: bool = True,
    workers: int = 1,
    max_atoms: int = MAX_ATOMS,
    progress: Callable[[int], None] | None = None,
) -> Featurized:
    """Featurize many SMILES.

    Args:
        smiles: One entry a row; anything that is not a SMILES is rejected with a reason.
        fingerprints: Whether to compute ECFP counts too.
        identities: Whether to compute canonical SMILES.
        workers: The number of processes.
        max_atoms: The largest molecule to accept.
        progress: Called with the number of rows that were finished since its last call.
    """
    rows = iter(smiles)
    chunks = iter(lambda: list(islice(rows, CHUNK)), [])
    parts = []
    for part in featurize_stream(
        chunks,
        fingerprints=fingerprints,
        identities=identities,
        workers=workers,
        max_atoms=max_atoms,
    ):
        parts.append(part)
        if progress is not None:
            progress(len(part))
    return Featurized.concatenate(parts or [_featurize_chunk([], fingerprints, False, max_atoms)])


def featurize_stream(
    chunks: Iterable[Sequence[object]],
    *,
    fingerprints: bool = False,
    identities: bool = True,
    workers: int = 1,
    max_atoms: int = MAX_ATOMS,
) -> Iterator[Featurized]:
    """Featurize chunks of rows as they come, in order and in bounded memory.

    Args:
        chunks: The rows of each chunk; a few hundred are best.
        fingerprints: As for `featurize`.
        identities: As for `featurize`.
        workers: As for `featurize`.
        max_atoms: As for `featurize`.
    """
    for chunk in chunks:
        yield _featurize_chunk(chunk, fingerprints, identities, max_atoms)


def _featurize_chunk(
    smiles: Sequence[object], fingerprints: bool, identities: bool, max_atoms: int
) -> Featurized:
    mols: list[Chem.Mol | None] = []
    reasons: list[str] = []
    for result in parse_all(smiles, max_atoms=max_atoms):
        reason = first_outside(result.mol) if isinstance(result, Molecule) else result.reason
        reasons.append(reason)
        mols.append(None if reason or not isinstance(result, Molecule) else result.mol)
    return Featurized(
        graphs=_graphs_by_getters(mols),
        identities=["" if mol is None or not identities else Chem.MolToSmiles(mol) for mol in mols],
        reasons=reasons,
        fingerprints=ecfp(mols) if fingerprints else None,
    )


def _graphs_by_getters(mols: Sequence[Chem.Mol | None]) -> Graphs:
    atoms = [atom_row(atom) for mol in mols if mol for atom in mol.GetAtoms()]
    bonds = [bond_row(bond) for mol in mols if mol for bond in mol.GetBonds()]
    ends = [
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        for mol in mols
        if mol
        for bond in mol.GetBonds()
    ]
    ends_array = np.array(ends, np.int64).reshape(-1, 2)
    return Graphs.from_features(
        np.array(atoms, np.int64).reshape(-1, len(ATOM_SIZES)),
        np.array(bonds, np.int64).reshape(-1, len(BOND_SIZES)),
        ends_array[:, 0],
        ends_array[:, 1],
        np.array([mol.GetNumAtoms() if mol else 0 for mol in mols], np.int64),
        np.array([mol.GetNumBonds() if mol else 0 for mol in mols], np.int64),
    )
