"""Why a molecule scores as it does: by which support molecules, and by which of its atoms."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from molmeta.chem.molecule import MAX_ATOMS, to_mol
from molmeta.chem.standardize import Standardizer

Floats = NDArray[np.float64]


def deciding(
    weights: Floats,
    similarity: Floats,
    smiles: Sequence[str],
    support: Sequence[str],
    labels: NDArray[np.generic],
    top: int | None = None,
) -> pd.DataFrame:
    """The support molecules of each molecule, the weightiest first.

    Args:
        weights: Signed, shape (n, s); a row of NaN for a molecule that does not parse.
        similarity: Tanimoto similarities, shape (n, s).
        smiles: The molecules, n of them.
        support: The support molecules, s of them.
        labels: Theirs, shape (s,).
        top: How many a molecule; all by default.

    Returns:
        Columns `molecule` (its position), `smiles`, `support` (its position among those that
        parse), `support_smiles`, `support_label`, `weight` and `similarity`.
    """
    parts = []
    for molecule in np.flatnonzero(~np.isnan(weights).any(1)).tolist():
        order = np.argsort(-np.abs(weights[molecule]), kind="stable")[:top]
        parts.append(
            pd.DataFrame(
                {
                    "molecule": molecule,
                    "smiles": smiles[molecule],
                    "support": order,
                    "support_smiles": [support[i] for i in order],
                    "support_label": labels[order],
                    "weight": weights[molecule, order],
                    "similarity": similarity[molecule, order],
                }
            )
        )
    if parts:
        return pd.concat(parts, ignore_index=True)
    columns = ("molecule", "smiles", "support", "support_smiles", "support_label", "weight")
    return pd.DataFrame(columns=[*columns, "similarity"])


def occlude(
    smiles: Sequence[str],
    score: Callable[[list[str]], Floats],
    standardize: Standardizer | None = None,
) -> list[tuple[str, Floats]]:
    """Compute what each atom adds to a molecule's score, by hiding it.

    An atom is hidden by turning it into a dummy atom: its environments are then like none of the
    support set, and its place in the graph says nothing. Its contribution is the score with it
    minus the score without; the contributions of a molecule need not add up to anything.

    Args:
        smiles: Molecules that parse.
        score: Scores of SMILES, NaN for what it cannot read.
        standardize: The model's standard form, in which the atoms are counted.

    Returns:
        For each molecule its SMILES, in whose order the atoms are, and their contributions in
        units of the score, shape (n_atoms,); 0 where the hidden form cannot be read.
    """
    forms: list[str] = []
    asked: list[str] = []
    for given in smiles:
        with rdBase.BlockLogs():
            read = to_mol(given, MAX_ATOMS)
            assert not isinstance(read, str), read
            mol = read if standardize is None else standardize(read)
        form = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
        forms.append(Chem.MolToSmiles(form, canonical=False))
        asked += [forms[-1], *(_without(form, atom) for atom in range(form.GetNumAtoms()))]
    scores, found, start = score(asked), [], 0
    for text in forms:
        end = start + 1 + Chem.MolFromSmiles(text).GetNumAtoms()
        found.append((text, np.nan_to_num(scores[start] - scores[start + 1 : end])))
        start = end
    return found


def _without(mol: Chem.Mol, atom: int) -> str:
    """The molecule's SMILES with a dummy in an atom's place."""
    hidden = Chem.RWMol(mol)
    hidden.ReplaceAtom(atom, Chem.Atom(0))
    return str(Chem.MolToSmiles(hidden))
