"""Twins: a concentration and its logarithm side by side, which must say the same."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from molmeta.assays.cells import read_values
from molmeta.assays.measurement import as_text
from molmeta.assays.units import PXC50, Unit, comparable

TOLERANCE = 0.05
"""How far twins may lie apart in log units, if their digits do not let them lie further."""

_FEWEST, _NEAR, _MOST = 3, 0.3, 0.75  # rows; log units between a value and its logarithm; share
_DIGITS = r"(?:\d+(?:[.,](?P<behind>\d*))?|[.,](?P<alone>\d+))(?:[eE](?P<power>[-+]?\d+))?"


def are_twins(rows: pd.DataFrame, value: str, logarithm: str) -> bool:
    """Tell whether −log10 of one column is another, up to a unit; yes where too few rows say."""
    values = np.array(read_values(rows[value], None).value, np.float64)
    stated = np.array(read_values(rows[logarithm], None).value, np.float64)
    both = (values > 0) & np.isfinite(stated)
    if both.sum() < _FEWEST:
        return True
    shift = stated[both] + np.log10(values[both])
    return bool(np.mean(np.abs(shift - np.median(shift)) < _NEAR) > _MOST)


def disagree(
    one: Mapping[str, pd.Series], other: Mapping[str, pd.Series], cells: tuple[pd.Series, pd.Series]
) -> pd.Series:
    """Tell in which rows twins differ by more than their rounding.

    What is blank, censored, or no concentration of molecules agrees with anything.

    Args:
        one: The value, unit and relation of n rows.
        other: Those of the twin.
        cells: Both as written, for their digits.
    """
    apart = (_exact_pxc50(one) - _exact_pxc50(other)).abs()
    rounding = _rounding(one, cells[0]) + _rounding(other, cells[1])
    return apart > rounding.clip(lower=TOLERANCE) + 1e-6


def _exact_pxc50(read: Mapping[str, pd.Series]) -> pd.Series:
    unknown = np.full(len(read["value"]), np.nan)  # weights: a mass is not compared
    known = comparable(read["value"], read["unit"], read["relation"], unknown)
    return known["value"].where((known["kind"] == PXC50) & (known["bound"] == 0))


def _rounding(read: Mapping[str, pd.Series], cells: pd.Series) -> pd.Series:
    """Half of the last digit, in log units."""
    digits = as_text(cells).str.extract(_DIGITS)
    n_behind = digits["behind"].fillna(digits["alone"]).fillna("").str.len()
    half = 0.5 * 10.0 ** (digits["power"].fillna("0").astype(float) - n_behind)
    units = read["unit"].map(Unit.parse)
    is_molar = units.map(lambda unit: np.isfinite(unit.exponent) and not unit.logarithm)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_number = np.log10(1 + half / read["value"])
    return half.where(~is_molar.astype(bool), of_number).fillna(0.0)
