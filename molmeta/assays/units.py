"""Units of measured values, and pXC50 = 9 − log10(concentration in nM)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.relations import SIGNS, canonical

PXC50, PERCENT = "pXC50", "%"

# log10 of one unit in nM; for a mass a volume, times the molecular weight in g/mol.
_MOLAR = {"fm": -6.0, "pm": -3.0, "nm": 0.0, "um": 3.0, "mm": 6.0, "m": 9.0}
_MASS = {
    "pg/ml": 0.0,
    "ng/ml": 3.0,
    "ug/ml": 6.0,
    "mg/ml": 9.0,
    "g/ml": 12.0,
    "ng/dl": 1.0,
    "ug/dl": 4.0,
    "mg/dl": 7.0,
}
_LOGARITHMS = {"log": 1.0, "log10": 1.0, "lg": 1.0, "ln": np.log10(np.e), "log2": np.log10(2.0)}
_PXC50_WORDS = frozenset(
    {"pxc50", "pic50", "pec50", "pac50", "pgi50", "pcc50", "pki", "pkd", "pkb", "pchembl",
     "-log10m", "-logm", "-log(m)", "-log10(m)"}
)  # fmt: skip
_SYNONYMS = {
    "femtomolar": "fm", "picomolar": "pm", "nanomolar": "nm", "micromolar": "um",
    "millimolar": "mm", "molar": "m", "percent": "%", "pct": "%",
    "fmol/l": "fm", "pmol/l": "pm", "nmol/l": "nm", "umol/l": "um", "mmol/l": "mm", "mol/l": "m",
    # "nM/L" is nobody's unit, and always meant so.
    "fm/l": "fm", "pm/l": "pm", "nm/l": "nm", "um/l": "um", "mm/l": "mm",
    "pmol/ml": "nm", "nmol/ml": "um", "umol/ml": "mm",
    "ng/l": "pg/ml", "ug/l": "ng/ml", "mg/l": "ug/ml", "g/l": "mg/ml", "ng/ul": "ug/ml",
    "ug/ul": "mg/ml",
}  # fmt: skip
POWER = (
    r"(?:[x×*]\s*)?(?:(?<![\d.])10\s*(?:\^|\*\*)?\s*\(?-\s*|(?<![\d.])1e-)(?P<power>\d+)\)?"
    r"\s*(?:M|mol/L)(?![A-Za-z])"
)
"""Matches a unit that is written as a power of ten, such as 10^-6 M."""
OF_POWER = {"3": "mM", "6": "uM", "9": "nM", "12": "pM"}
"""The units by their negative powers."""
_LOG_OF = re.compile(r"^(log10|log2|log|lg|ln)(?:\(|\[)?(.+?)[)\]]?$")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement.

    Attributes:
        key: One spelling for all of its spellings.
        kind: What its values become: "pXC50", "%", or the unit as given.
        exponent: log10 of one unit in nM (for a mass a volume: times g/mol); NaN for others.
        per_mass: Whether the molecular weight is needed.
        logarithm: What a value is multiplied by to be a log10 of the concentration; 0 where the
            value is the concentration itself.
    """

    key: str
    kind: str
    exponent: float
    per_mass: bool
    logarithm: float = 0.0

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> Unit:
        """Read a unit: `µg.mL-1`, `ug/ml` and `mg/L` are the same one; `log nM` is one too."""
        key = _key(text)
        if key in _PXC50_WORDS:
            return cls(key, PXC50, np.nan, per_mass=False)
        if log := _LOG_OF.match(key):
            of = cls.parse(log[2])
            if not np.isnan(of.exponent) and not of.logarithm:
                logarithm = _LOGARITHMS[log[1]]
                return cls(f"{log[1]} {of.key}", PXC50, of.exponent, of.per_mass, logarithm)
        if key in _MOLAR or key in _MASS:
            exponent = _MOLAR.get(key, _MASS.get(key, np.nan))
            return cls(key, PXC50, exponent, per_mass=key in _MASS)
        kind = PERCENT if key == PERCENT else text.strip()
        return cls(key, kind, np.nan, per_mass=False)

    @property
    def is_concentration(self) -> bool:
        """Tell whether its values become pXC50."""
        return self.kind == PXC50


def _key(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace("−", "-")
    text = re.sub(POWER, lambda match: OF_POWER.get(match["power"], match[0]), text)
    key = text.casefold().replace("μ", "u").replace(" ", "")
    key = key.replace("·", ".").replace("mcg", "ug")
    key = re.sub(r"moles?(?=$|[^a-z])", "mol", key)
    key = re.sub(r"[.*]?([mud]?l)\^?\(?-1\)?$", r"/\1", key)
    key = re.sub(r"(?:_per_|per|[._])([mud]?l)$", r"/\1", key)
    return _SYNONYMS.get(key, key)


def comparable(
    values: pd.Series, units: pd.Series, relations: pd.Series, weights: NDArray[np.float64]
) -> pd.DataFrame:
    """Bring values to comparable units: concentrations become pXC50, the rest stay as they are.

    Args:
        values: As given, NaN where none, shape (n,).
        units: Their units as text, shape (n,).
        relations: `=`, `>`, `<` … of the value as given, in any spelling, shape (n,).
        weights: Molecular weights in g/mol, shape (n,).

    Returns:
        Shape (n, 5): `value`; `unit_key`; `kind`; `inverted`, whether the new value falls where
        the given one rises; `bound`, +1 where the truth may lie above the new value, −1 where
        below, else 0.
    """
    codes, words = pd.factorize(units)
    known = pd.DataFrame([Unit.parse(word) for word in words]).iloc[codes]
    given = values.to_numpy(np.float64)
    exponents, logarithm = known["exponent"].to_numpy(), known["logarithm"].to_numpy()
    is_molar = ~np.isnan(exponents)
    with np.errstate(divide="ignore", invalid="ignore"):
        log10 = np.where(logarithm == 0, np.log10(given), given * logarithm)
        in_nm = log10 + exponents - np.where(known["per_mass"], np.log10(weights), 0)
    value = np.where(is_molar, 9 - in_nm, given)
    codes, words = pd.factorize(relations)
    signs = np.array([SIGNS.get(canonical(word), 0) for word in words], dtype=np.int8)[codes]
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


def commonest(table: pd.DataFrame, name: str) -> dict[int, Any]:
    """The entry of the column `name` that most of an assay's rows have, by the assay's number."""
    counts = table.groupby(["assay", name], sort=False).size()
    # Later entries win: the largest, and of equals the first to appear.
    return dict(counts[::-1].sort_values(kind="stable").index.tolist())
