"""FS-Mol (https://github.com/microsoft/FS-Mol): its published JSON lines, or one long table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.formats.table import Table
from molmeta.assays.measurement import as_text, measurements, parse_labels, parse_values

THRESHOLD: str | None = None

# What FS-Mol calls its fields, in the published files and in a table of them.
_PUBLISHED = {
    "assay": "Assay_ID",
    "smiles": "SMILES",
    "label": "Property",
    "value": "RegressionProperty",
    "log": "LogRegressionProperty",
    "relation": "Relation",
}
_TABLE = {
    "assay": "assay_id",
    "smiles": "smiles",
    "label": "active",
    "value": "value",
    "log": "log_value",
    "relation": "relation",
}


def recognises(table: Table) -> bool:
    """Whether the table has FS-Mol's columns."""
    return _names(table) is not None


def read(table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
    """Measurements with FS-Mol's own labels, unless a threshold is given for its values.

    FS-Mol does not publish units, and gives every positive value a pXC50, percentages too. We
    follow it: all are read as nM; the few that are zero or negative have no value.
    """
    names = _names(table) or _TABLE
    where = f"column {names['label']!r} of {table.path}"
    for chunk in table.chunks():
        has_log = ~np.isnan(parse_values(chunk[names["log"]]))
        fields: dict[str, object] = {
            "assay": as_text(chunk[names["assay"]]),
            "smiles": as_text(chunk[names["smiles"]]),
            "value": np.where(has_log, parse_values(chunk[names["value"]]), np.nan),
            "unit": "nM",
            "relation": as_text(chunk[names["relation"]]),
        }
        if columns.threshold is None:
            fields["label"] = parse_labels(chunk[names["label"]], where)
        yield measurements(fields, chunk.index)


def _names(table: Table) -> dict[str, str] | None:
    known = (_PUBLISHED, _TABLE)
    return next((names for names in known if set(names.values()) <= set(table.columns)), None)
