"""From measured values to labels: units, pXC50, censoring, thresholds.

pXC50 = 9 − log10(concentration in nM). Active is what lies above a threshold: a number, the
assay's median, or FS-Mol's rule (https://github.com/microsoft/FS-Mol, 2021).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.errors import InputError

PXC50, PERCENT = "pXC50", "%"
RELATIONS = {"": 0, "=": 0, "~": 0, ">": 1, ">=": 1, ">>": 1, "<": -1, "<=": -1, "<<": -1}

_MOLAR = {"pm": -3, "nm": 0, "um": 3, "mm": 6, "m": 9}  # log10 of it in nM
_MASS = {"pg/ml": 0, "ng/ml": 3, "ug/ml": 6, "mg/ml": 9, "g/ml": 12}  # the same, times g/mol
_LOGARITHMIC = frozenset({"pxc50", "pic50", "pec50", "pac50", "pki", "pkd", "pchembl"})
_SYNONYMS = {
    "nanomolar": "nm", "micromolar": "um", "millimolar": "mm", "molar": "m", "percent": "%",
    "pmol/l": "pm", "nmol/l": "nm", "umol/l": "um", "mmol/l": "mm", "mol/l": "m",
    "ng/l": "pg/ml", "ug/l": "ng/ml", "mg/l": "ug/ml", "g/l": "mg/ml",
}  # fmt: skip

# FS-Mol's rule.
_FSMOL_UNITS = frozenset({"nm", "um", "%"})
_FSMOL_MAX_WEIGHT = 900.0  # g/mol
_FSMOL_SPREAD = {PXC50: 1.0, PERCENT: 5.0}  # how far repeats of a molecule may lie apart


def unit_key(unit: str) -> str:
    """One spelling a unit: `µg.mL-1`, `ug/ml` and `mg/L` are the same."""
    key = unit.casefold().replace("µ", "u").replace("μ", "u").replace(" ", "")
    key = re.sub(r"[.*·]?(m?l)\^?\(?-1\)?$", r"/\1", key)
    return _SYNONYMS.get(key, key)


@dataclass(frozen=True)
class Values:
    """n measured values in comparable units.

    Attributes:
        values: pXC50 for concentrations, else as given; NaN where none, shape (n,).
        kinds: "pXC50", "%" or the unit as given, shape (n,).
        bounds: +1 where the truth may be above `values`, −1 below, else 0, shape (n,).
        keys: The given unit in one spelling, shape (n,).
        reasons: Why there is no value though one was given, shape (n,).
    """

    values: NDArray[np.float64]
    kinds: NDArray[np.object_]
    bounds: NDArray[np.int64]
    keys: NDArray[np.object_]
    reasons: NDArray[np.object_]


def comparable(
    values: NDArray[np.float64],
    units: NDArray[np.object_],
    relations: NDArray[np.object_],
    assays: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> Values:
    """Bring values to one unit an assay: pXC50, %, or the commonest of those given.

    Args:
        values: As given, NaN where none, shape (n,).
        units: As given, shape (n,).
        relations: `=`, `>`, `<` … of the value as given, shape (n,).
        assays: The assay's number, shape (n,).
        weights: Molecular weights in g/mol, for units such as µg/mL, shape (n,).
    """
    codes, words = pd.factorize(units)
    keys = [unit_key(str(word)) for word in words]
    is_mass = np.array([key in _MASS for key in keys], dtype=bool)[codes]
    is_molar = np.array([key in _MOLAR for key in keys], dtype=bool)[codes] | is_mass
    exponents = np.array([_MOLAR.get(key, _MASS.get(key, 0)) for key in keys], dtype=float)[codes]
    with np.errstate(divide="ignore", invalid="ignore"):
        in_nm = np.log10(values) + exponents - np.where(is_mass, np.log10(weights), 0.0)
    converted = np.where(is_molar, 9.0 - in_nm, values)
    reasons = np.full(len(values), "", dtype=object)
    reasons[~np.isnan(values) & ~np.isfinite(converted)] = "value has no logarithm"
    signs = np.array([RELATIONS.get(str(r), 0) for r in (rw := pd.unique(relations))])
    bounds = signs[pd.Index(rw).get_indexer(relations)] * np.where(is_molar, -1, 1)
    kinds = np.array([_kind(key, word) for key, word in zip(keys, words, strict=True)], object)
    result = Values(
        np.where(np.isfinite(converted), converted, np.nan),
        kinds[codes],
        bounds,
        np.array(keys, dtype=object)[codes],
        reasons,
    )
    return _one_kind_an_assay(result, assays)
