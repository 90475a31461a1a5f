"""Bemis–Murcko scaffolds, for sets of molecules that share none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from molmeta.assays.store import AssayStore


def scaffold_numbers(store: AssayStore) -> NDArray[np.int64]:
    """A number for each molecule's scaffold without stereo, shape (n_molecules,).

    Equal numbers mean equal scaffolds; a molecule without rings has one of its own.
    (Bemis, Murcko: The properties of known drugs. 1. J. Med. Chem. 39, 1996, 2887.)
    """
    names = [
        _scaffold(smiles) or f"acyclic {identity}"
        for smiles, identity in zip(store.smiles, store.identities, strict=True)
    ]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _scaffold(smiles: str) -> str:
    core = MurckoScaffold.GetScaffoldForMol(Chem.MolFromSmiles(smiles))  # type: ignore[no-untyped-call]
    return str(Chem.MolToSmiles(core, isomericSmiles=False))
