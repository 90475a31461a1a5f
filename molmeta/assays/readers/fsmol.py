"""FS-Mol (https://github.com/microsoft/FS-Mol): its published JSON lines, or one long table."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from molmeta.assays.cells import read_values
from molmeta.assays.columns import Columns
from molmeta.assays.formats.table import Table
from molmeta.assays.measurement import as_text, measurements, parse_labels
from molmeta.assays.readers import plain
from molmeta.assays.readers.reading import Reading

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
    """Tell whether the table has FS-Mol's columns."""
    return _names(table) is not None


def read(table: Table, columns: Columns) -> Reading:
    """Measurements with FS-Mol's own labels, unless a threshold is given for its values.

    FS-Mol does not publish units, and gives every positive value a pXC50, percentages too. We
    follow it: all are read as nM; the few that are zero or negative have no value. A table of
    which the user names columns is read as any other.
    """
    names = _names(table)
    if names is None or columns.named:
        return plain.read(table, columns if names is None else _with_defaults(columns, names))
    for name in names.values():
        table.only(name, "")
    labels = (
        f"labels from {names['label']!r}"
        if columns.threshold is None
        else f"values from {names['value']!r} in nM"
    )
    note = f"as FS-Mol publishes it: assays from {names['assay']!r}, {labels}"
    return Reading((note,), _read(table, columns, names))


def _with_defaults(columns: Columns, names: dict[str, str]) -> Columns:
    """Complete what the user names by FS-Mol's own names."""
    given = {
        "smiles_column": columns.smiles_column or names["smiles"],
        "assay_column": columns.assay_column or names["assay"],
    }
    if columns.threshold is None:
        given["label_column"] = columns.label_column or names["label"]
    elif columns.value_column is None:
        given["value_column"] = names["value"]
        given["units"] = columns.units or "nM"
    return replace(columns, **given)


def _read(table: Table, columns: Columns, names: dict[str, str]) -> Iterator[pd.DataFrame]:
    where = f"column {names['label']!r} of {table.path}"
    for chunk in table.chunks():
        has_log = ~np.isnan(read_values(chunk[names["log"]]).value)
        fields: dict[str, object] = {
            "assay": as_text(chunk[names["assay"]]),
            "smiles": as_text(chunk[names["smiles"]]),
            "value": np.where(has_log, read_values(chunk[names["value"]]).value, np.nan),
            "unit": "nM",
            "relation": as_text(chunk[names["relation"]]),
        }
        if columns.threshold is None:
            fields["label"] = parse_labels(chunk[names["label"]], where)
        yield measurements(fields, chunk.index)


def _names(table: Table) -> dict[str, str] | None:
    known = (_PUBLISHED, _TABLE)
    return next((names for names in known if set(names.values()) <= set(table.columns)), None)
