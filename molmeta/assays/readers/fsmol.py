"""FS-Mol's measurements (https://github.com/microsoft/FS-Mol) as one long table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.measurement import as_text, measurements, parse_labels, parse_values
from molmeta.assays.tables import Table

_NAMES = {"assay_id", "smiles", "active", "value", "log_value"}


def recognises(table: Table) -> bool:
    """Whether the table has FS-Mol's columns."""
    return _NAMES.issubset(table.columns)


def read(table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
    """Measurements with FS-Mol's own labels; values are pXC50, or % where FS-Mol has no pXC50."""
    for chunk in table.chunks():
        values, logs = parse_values(chunk["value"]), parse_values(chunk["log_value"])
        yield measurements(
            {
                "assay": as_text(chunk["assay_id"]),
                "smiles": as_text(chunk["smiles"]),
                "label": parse_labels(chunk["active"], f"column 'active' of {table.path}"),
                "value": np.where(np.isnan(logs), values, logs),
                "unit": np.where(np.isnan(logs), "%", "pXC50"),
                "relation": as_text(chunk["relation"]) if "relation" in chunk else "",
            },
            chunk.index,
        )
