"""Murcko scaffolds of a store's molecules, for support and query sets that share none."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from molmeta.assays.store import AssayStore


def scaffolds(store: AssayStore, molecules: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each molecule's Bemis–Murcko scaffold, shape (n,), equal where it is equal.

    A molecule without rings is a group of its own.

    Args:
        store: Where the molecules are.
        molecules: Indices into it, shape (n,).
    """
    smiles = store.smiles
    names = [_scaffold(smiles[number]) or f"acyclic {number}" for number in molecules]
    groups: NDArray[np.int64] = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return groups


@lru_cache(maxsize=100_000)
def _scaffold(smiles: str) -> str:
    core = MurckoScaffold.GetScaffoldForMol(Chem.MolFromSmiles(smiles))  # type: ignore[no-untyped-call]
    return str(Chem.MolToSmiles(core, isomericSmiles=False))
