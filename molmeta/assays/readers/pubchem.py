"""PubChem BioAssay data tables (https://pubchem.ncbi.nlm.nih.gov, "Data Table (Concise/Full)")."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from molmeta.assays.columns import Columns, find_column
from molmeta.assays.formats.table import Table
from molmeta.assays.measurement import as_text, measurements, parse_values
from molmeta.errors import InputError

THRESHOLD: str | None = None

_TAG, _SMILES = "PUBCHEM_RESULT_TAG", "PUBCHEM_EXT_DATASOURCE_SMILES"
_OUTCOME = "PUBCHEM_ACTIVITY_OUTCOME"
_LABELS = {"active": 1.0, "probe": 1.0, "inactive": 0.0}


def recognises(table: Table) -> bool:
    """Whether the table has PubChem's columns."""
    return {_TAG, _SMILES, _OUTCOME} <= set(table.columns)


def read(table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
    """Measurements with PubChem's outcomes as labels; the assay is the file's, as AID<number>.

    Rows that describe the columns (tag RESULT_…) are no measurements. A value is read where
    its column is named; its unit, unless given, is the one that the table states.
    """
    value = find_column(
        table.columns, columns.value_column, flag="--value-column", source=str(table.path)
    )
    number = re.search(r"(?:AID_?)?(\d+)", table.name, re.IGNORECASE)
    assay = f"AID{number[1]}" if number else table.name
    unit = columns.units or ""
    for chunk in table.chunks():
        described = as_text(chunk[_TAG]).str.startswith("RESULT_")
        if value and not columns.units:
            stated = as_text(chunk.loc[as_text(chunk[_TAG]) == "RESULT_UNIT", value])
            unit = stated.iloc[0].casefold() if len(stated) else unit
        rows = chunk[~described]
        outcome = as_text(rows[_OUTCOME]).str.casefold()
        _check(outcome, table)
        label = outcome.map(_LABELS)
        fields: dict[str, object] = {
            "smiles": as_text(rows[_SMILES]),
            "assay": assay,
            "label": label,
            "reason": ("outcome is " + outcome.replace("", "blank")).where(label.isna(), ""),
        }
        if value:
            fields |= {"value": parse_values(rows[value]), "unit": unit}
            if columns.threshold is not None:  # then the values decide
                fields |= {"label": np.nan, "reason": ""}
        yield measurements(fields, rows.index)


def _check(outcome: pd.Series, table: Table) -> None:
    unknown = ~outcome.isin([*_LABELS, "inconclusive", "unspecified", ""])
    if unknown.any():
        at = int(np.argmax(unknown.to_numpy()))
        raise InputError.of(
            f"column {_OUTCOME} of {table.path}, row {outcome.index[at]}",
            got=repr(outcome.iloc[at]),
            expected="Active, Inactive, Inconclusive, Unspecified or Probe",
        )
