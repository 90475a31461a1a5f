"""ChEMBL: the web interface's activities export, its web API's names, and database rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.formats.table import Table
from molmeta.assays.measurement import MISSING, as_text, measurements, parse_values

# ChEMBL gives values, not labels.
THRESHOLD: str | None = "fsmol"

# What we read, by the names that ChEMBL's interfaces give it ("Standard Value" = standard_value).
_NAMES = {
    "smiles": ("smiles", "canonical_smiles"),
    "value": ("standard_value",),
    "unit": ("standard_units",),
    "relation": ("standard_relation",),
    "pchembl": ("pchembl_value", "pchembl"),
    "assay": ("assay_chembl_id", "chembl_id"),
    "target": ("protein_class_desc", "target_name", "target_pref_name", "target_chembl_id"),
    "validity": ("data_validity_comment",),
    "duplicate": ("potential_duplicate",),
}
_REQUIRED = ("smiles", "value", "unit", "relation")


def recognises(table: Table) -> bool:
    """Whether the table has ChEMBL's columns of standardised activities."""
    return set(_REQUIRED) <= set(_columns(table))


def read(table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
    """Measurements; what ChEMBL itself flags is set aside with its comment."""
    names = _columns(table)
    for chunk in table.chunks():
        cells = {field: _clean(chunk[name]) for field, name in names.items()}
        value, unit = parse_values(cells["value"]), cells["unit"]
        if "pchembl" in cells:  # stands alone where ChEMBL could not standardise the value
            pchembl = parse_values(cells["pchembl"])
            unit = unit.mask(np.isnan(value) & ~np.isnan(pchembl), "pchembl")
            value = np.where(np.isnan(value), pchembl, value)
        fields: dict[str, object] = {
            "smiles": cells["smiles"],
            "assay": cells.get("assay", table.name),
            "value": value,
            "unit": unit,
            "relation": cells["relation"].str.strip("'\""),
            "target": cells.get("target", ""),
            "reason": _flagged(cells, chunk.index),
        }
        yield measurements(fields, chunk.index)


def _columns(table: Table) -> dict[str, str]:
    by_key = {name.strip().casefold().replace(" ", "_"): name for name in table.columns}
    found = {
        field: next((by_key[name] for name in names if name in by_key), None)
        for field, names in _NAMES.items()
    }
    return {field: name for field, name in found.items() if name is not None}


def _clean(cells: pd.Series) -> pd.Series:
    text = as_text(cells)
    return text.mask(text.str.casefold().isin(MISSING), "")


def _flagged(cells: dict[str, pd.Series], index: pd.Index) -> pd.Series:
    reason = pd.Series("", index)
    if "duplicate" in cells:
        twice = cells["duplicate"].str.casefold().isin({"true", "1", "1.0"})
        reason = reason.mask(twice, "ChEMBL: potential duplicate")
    if "validity" in cells:
        reason = reason.mask(cells["validity"] != "", "ChEMBL: " + cells["validity"])
    return reason
