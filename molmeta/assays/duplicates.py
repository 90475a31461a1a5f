"""Repeats of one substance in an assay, however its molecule is drawn.

Canonical SMILES find most repeats; InChIKeys also bring together most tautomers
(https://www.inchi-trust.org). They are dear, and only molecules of one formula can share one, so
that they are made only where an assay has several molecules of a formula.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.collect import identity_numbers
from molmeta.chem.featurize import featurize
from molmeta.chem.graph import Graphs
from molmeta.chem.standardize import Standardizer

DUPLICATES = ("inchikey", "smiles")
"""Ways to find that two measurements are of one substance."""

_NO_LETTERS = {code: None for code in range(128) if not chr(code).isalpha() or chr(code) == "H"}


def substances(
    table: pd.DataFrame,
    smiles: Sequence[str],
    graphs: Graphs,
    *,
    standardize: Standardizer | None,
    workers: int = 1,
) -> NDArray[np.int64]:
    """Number the substance of each measurement, the same for tautomers in one assay.

    Args:
        table: n measurements: `assay` (0 where none), `molecule` (−1 where none), `identity` by
            canonical SMILES.
        smiles: Of each molecule, (m,).
        graphs: Of each molecule, (m,).
        standardize: The form of the molecules.
        workers: Processes that make InChIKeys.

    Returns:
        (n,).
    """
    usable = table[(table["assay"] > 0) & (table["molecule"] >= 0)]
    distinct = usable.drop_duplicates(["assay", "identity"])
    distinct = distinct.assign(formula=_formulas(graphs)[distinct["molecule"]])
    several = distinct.duplicated(["assay", "formula"], keep=False)
    unsure = distinct[several].drop_duplicates("identity")
    keys = featurize(
        [smiles[number] for number in unsure["molecule"]],
        inchikeys=True,
        standardize=standardize,
        workers=workers,
    ).identities
    key_of = pd.Series(identity_numbers(keys), index=unsure["identity"].to_numpy(), dtype=np.int64)
    identity = table["identity"].to_numpy(np.int64)
    at = key_of.index.get_indexer(pd.Index(identity))
    numbers: NDArray[np.int64] = np.where(
        at < 0, identity, key_of.to_numpy()[at] if len(keys) else 0
    )
    return numbers


def find_substances(
    smiles: Sequence[str], known: Sequence[str], workers: int = 1
) -> NDArray[np.int64]:
    """Find molecules among known ones, tautomers too.

    >>> find_substances(["OCC", "Cc1cnc[nH]1", "CCC", ""], ["CCO", "Cc1c[nH]cn1"]).tolist()
    [0, 1, -1, -1]

    Args:
        smiles: In standard form, "" where none, (n,).
        known: As those.
        workers: Processes that make InChIKeys.

    Returns:
        The first of the known ones that is the same substance, −1 where none is, (n,).
    """
    at = _positions(smiles, known)
    letters = set(map(_letters, filter(None, known)))
    unsure = [i for i in np.flatnonzero(at < 0).tolist() if _letters(smiles[i]) in letters]
    if unsure:
        asked = [smiles[i] for i in unsure]
        keys = featurize([*asked, *known], reads=(), inchikeys=True, workers=workers).identities
        at[unsure] = _positions(keys[: len(asked)], keys[len(asked) :])
    return at


def _positions(texts: Sequence[str], known: Sequence[str]) -> NDArray[np.int64]:
    """Find texts among others, the first of equals; −1 where not, and for "", (n,)."""
    place = {text: i for i, text in reversed([*enumerate(known)]) if text}
    return np.array([place.get(text, -1) for text in texts], dtype=np.int64)


def _letters(smiles: str) -> str:
    """Sort the letters of a SMILES but for hydrogens: tautomers, of the same atoms, share them."""
    return "".join(sorted(smiles.upper().translate(_NO_LETTERS)))


def _formulas(graphs: Graphs) -> NDArray[np.uint64]:
    """Number the molecular formula of each molecule, (m,), by a sum of random numbers."""
    element = np.random.default_rng(0).integers(1 << 63, size=256, dtype=np.uint64)
    atomic_number, n_hydrogens = graphs.atom_rows[:, 0], graphs.atom_rows[:, 4].astype(np.uint64)
    by_row = element[atomic_number] + n_hydrogens * element[1]
    sums = np.concatenate(
        [np.zeros(1, np.uint64), np.cumsum(by_row[graphs.atoms], dtype=np.uint64)]
    )
    return np.diff(sums[graphs.atom_offsets])
