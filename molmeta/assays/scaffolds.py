"""Bemis–Murcko scaffolds, for sets of molecules that share none."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

from molmeta.assays.store import AssayStore
from molmeta.chem.molecule import MAX_ATOMS, to_mol
from molmeta.chem.standardize import Standardizer


def scaffold_numbers(
    store: AssayStore, molecules: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Number each molecule's scaffold without stereo, shape (n,).

    Equal numbers mean equal scaffolds; a molecule without rings has one of its own.
    (Bemis, Murcko: The properties of known drugs. 1. J. Med. Chem. 39, 1996, 2887.)

    >>> import pandas as pd
    >>> smiles = ["Cc1ccccc1", "Oc1ccccc1", "CCO"]
    >>> table = pd.DataFrame({"assay": "first", "smiles": smiles, "label": [1, 0, 0]})
    >>> scaffold_numbers(AssayStore.from_frame(table)).tolist()
    [1, 1, 0]

    Args:
        store: Where the molecules are.
        molecules: Indices into it, shape (n,); by default all of them.
    """
    if molecules is None:
        molecules = np.arange(store.n_molecules)
    names = [
        scaffold_of(store.smiles[number], store.standardize)
        or f"acyclic {store.identities[number]}"
        for number in molecules
    ]
    numbers: NDArray[np.int64] = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return numbers


@lru_cache(maxsize=100_000)  # the draws of an assay ask for the same molecules again and again
def scaffold_of(smiles: str, standardize: Standardizer | None = None) -> str:
    """Write a molecule's scaffold without stereo; "" where it has no rings, or does not parse.

    >>> scaffold_of("C[C@H](O)c1ccccc1"), scaffold_of("CCO")
    ('c1ccccc1', '')
    """
    with rdBase.BlockLogs():
        mol = to_mol(smiles, MAX_ATOMS)
        if isinstance(mol, str):
            return ""
        mol = standardize(mol) if standardize else mol
        core = MurckoScaffold.GetScaffoldForMol(mol)  # type: ignore[no-untyped-call]
    return str(Chem.MolToSmiles(core, isomericSmiles=False))
