"""Units of measured values, and pXC50 = 9 − log10(concentration in nM)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PXC50, PERCENT = "pXC50", "%"
# The sign of a relation: where the truth may lie, seen from the value.
RELATIONS = {">": 1, ">=": 1, ">>": 1, "<": -1, "<=": -1, "<<": -1}

_MOLAR = {"pm": -3.0, "nm": 0.0, "um": 3.0, "mm": 6.0, "m": 9.0}  # log10 of it in nM
_MASS = {"pg/ml": 0.0, "ng/ml": 3.0, "ug/ml": 6.0, "mg/ml": 9.0, "g/ml": 12.0}  # × g/mol
_LOGARITHMS = frozenset({"pxc50", "pic50", "pec50", "pac50", "pki", "pkd", "pchembl"})
_SYNONYMS = {
    "nanomolar": "nm", "micromolar": "um", "millimolar": "mm", "molar": "m", "percent": "%",
    "pmol/l": "pm", "nmol/l": "nm", "umol/l": "um", "mmol/l": "mm", "mol/l": "m",
    "ng/l": "pg/ml", "ug/l": "ng/ml", "mg/l": "ug/ml", "g/l": "mg/ml",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement.

    Attributes:
        key: One spelling for all of its spellings.
        kind: What its values become: "pXC50", "%", or the unit as given.
        exponent: log10 of one unit in nM (for a mass a volume: times g/mol); NaN for others.
        per_mass: Whether the molecular weight is needed.
    """

    key: str
    kind: str
    exponent: float
    per_mass: bool

    @classmethod
    def parse(cls, text: str) -> Unit:
        """Read a unit: `µg.mL-1`, `ug/ml` and `mg/L` are the same one."""
        key = text.casefold().replace("µ", "u").replace("μ", "u").replace(" ", "")
        key = re.sub(r"[.*·]?(m?l)\^?\(?-1\)?$", r"/\1", key)
        key = _SYNONYMS.get(key, key)
        if key in _MOLAR or key in _MASS:
            exponent = _MOLAR.get(key, _MASS.get(key, np.nan))
            return cls(key, PXC50, exponent, per_mass=key in _MASS)
        kind = PXC50 if key in _LOGARITHMS else PERCENT if key == PERCENT else text.strip()
        return cls(key, kind, np.nan, per_mass=False)


def comparable(
    values: pd.Series, units: pd.Series, relations: pd.Series, weights: NDArray[np.float64]
) -> pd.DataFrame:
    """Bring values to comparable units: concentrations become pXC50, the rest stay as they are.

    Args:
        values: As given, NaN where none, shape (n,).
        units: Their units as text, shape (n,).
        relations: `=`, `>`, `<` … of the value as given, shape (n,).
        weights: Molecular weights in g/mol, shape (n,).

    Returns:
        Shape (n, 5): `value`; `unit_key`; `kind`; `inverted`, whether the new value falls where
        the given one rises; `bound`, +1 where the truth may lie above the new value, −1 where
        below, else 0.
    """
    codes, words = pd.factorize(units)
    known = pd.DataFrame([Unit.parse(word) for word in words]).iloc[codes]
    given = values.to_numpy(np.float64)
    exponents = known["exponent"].to_numpy()
    is_molar = ~np.isnan(exponents)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_nm = np.log10(given) + exponents - np.where(known["per_mass"], np.log10(weights), 0)
    value = np.where(is_molar, 9 - in_nm, given)
    codes, words = pd.factorize(relations)
    signs = np.array([RELATIONS.get(word, 0) for word in words], dtype=np.int8)[codes]
    return pd.DataFrame(
        {
            "value": np.where(np.isfinite(value), value, np.nan),
            "unit_key": known["key"].to_numpy(),
            "kind": known["kind"].to_numpy(),
            "inverted": is_molar,
            "bound": np.where(is_molar, -signs, signs),
        },
        index=values.index,
    )


def commonest_kind(table: pd.DataFrame) -> dict[int, str]:
    """The kind that most of an assay's values are of, by the assay's number."""
    counts = table[table["value"].notna()].groupby(["assay", "kind"], sort=False).size()
    # Later entries win: the largest, and of equals the first to appear.
    return dict(counts[::-1].sort_values(kind="stable").index.tolist())
