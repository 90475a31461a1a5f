"""Inputs: molecules in lists, arrays, columns or as RDKit's → a list of SMILES."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from rdkit import Chem

from molmeta.errors import InputError


def as_smiles(molecules: object) -> list[Any]:
    """List the SMILES of n molecules, in order; a row that is no molecule stays as it is.

    >>> as_smiles(np.array([["CCO"], [None]], dtype=object))
    ['CCO', None]

    Args:
        molecules: SMILES or RDKit molecules, missing ones among them: anything to iterate over
            that has an order, an array of shape (n,) or (n, 1), or a table of one column.

    Raises:
        InputError: If it is a single molecule, has no order or has several columns.
    """
    if isinstance(molecules, str | bytes | Chem.Mol) or not isinstance(molecules, Iterable):
        raise InputError.of(
            "molecules",
            got="a single text"
            if isinstance(molecules, str | bytes)
            else f"a single {type(molecules).__name__}",
            expected="several, such as a list of SMILES",
            fix="Put a single one into a list.",
        )
    if isinstance(molecules, Mapping | set | frozenset):
        raise InputError.of(
            "molecules",
            got=f"a {type(molecules).__name__}, whose order says nothing",
            expected="a list, an array or a column",
        )
    if hasattr(molecules, "__array__"):  # by position: an index of pandas has no say
        array = np.asarray(molecules, dtype=object)
        if array.ndim != 1 and (array.ndim != 2 or array.shape[1] != 1):
            raise InputError.of("molecules", got=f"shape {array.shape}", expected="one column")
        molecules = array.ravel()
    return [_smiles(one) if isinstance(one, Chem.Mol) else one for one in molecules]


def _smiles(mol: Chem.Mol) -> object:
    """Write an RDKit molecule as SMILES; if it has none, keep it, for `featurize` to reject."""
    if mol.HasQuery():  # its SMILES would be another molecule's
        return mol
    try:
        return Chem.MolToSmiles(mol)
    except (RuntimeError, ValueError):
        return mol
