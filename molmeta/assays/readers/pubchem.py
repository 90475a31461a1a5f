"""PubChem BioAssay data tables (https://pubchem.ncbi.nlm.nih.gov, "Data Table (Concise/Full)")."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.formats.table import Table
from molmeta.assays.library import find_smiles
from molmeta.assays.measurement import MISSING, as_text, measurements, parse_labels
from molmeta.assays.readers.plain import check_unit
from molmeta.assays.readers.reading import N_LOOKED_AT, Glance, Reading
from molmeta.assays.readers.values import ValueColumn, choose_values
from molmeta.errors import InputError

THRESHOLD: str | None = None

_TAG, _SMILES = "PUBCHEM_RESULT_TAG", "PUBCHEM_EXT_DATASOURCE_SMILES"
_OUTCOME = "PUBCHEM_ACTIVITY_OUTCOME"
_LABELS = {"active": 1.0, "probe": 1.0, "inactive": 0.0}


def recognises(table: Table) -> bool:
    """Tell whether the table has PubChem's columns."""
    return {_TAG, _SMILES, _OUTCOME} <= set(table.columns)


def read(table: Table, columns: Columns) -> Reading:
    """Measurements with PubChem's outcomes as labels; the assay is the file's, as AID<number>.

    Rows that describe the columns (tag RESULT_…) are no measurements. A value is read where
    its column is named; its unit, unless given, is the one that the table states.
    """
    smiles = find_smiles(table, columns.smiles_column) if columns.smiles_column else _SMILES
    assay = table.find(columns.assay_column, flag="--assay-column")
    label = table.find(columns.label_column, flag="--label-column")
    for name in (smiles, _OUTCOME):
        table.only(name, "")
    values = _values(table, columns)
    note = f"as PubChem publishes it: SMILES from {smiles!r}"
    if columns.threshold is None or label:
        note += f", labels from {label or _OUTCOME!r}"
    if values is not None:
        note += f", {values.describe()}"
    elif columns.threshold is not None:
        raise InputError.of(
            f"--threshold for {table.path}",
            got="no --value-column",
            expected="the column of the measured values, such as Potency",
        )
    return Reading((note,), _read(table, columns, smiles, assay, label, values))


def _values(table: Table, columns: Columns) -> ValueColumn | None:
    """The value column that is named, with the unit that the table itself states."""
    if columns.value_column is None:
        if columns.relation_column or columns.units or columns.decimal:
            raise InputError.of(
                f"columns of {table.path}",
                got="a relation, unit or decimal mark without values",
                expected="--value-column too",
            )
        return None
    rows = table.first_rows(N_LOOKED_AT)
    described = as_text(rows[_TAG]).str.startswith("RESULT_")
    own = tuple(name for name in table.columns if not name.startswith("PUBCHEM_"))
    name = table.find(columns.value_column, flag="--value-column", among=own)
    if columns.units is None:
        stated = as_text(rows.loc[as_text(rows[_TAG]) == "RESULT_UNIT", name])
        if len(stated) and stated.iloc[0].casefold() not in {*MISSING, "none"}:
            columns = replace(columns, units=stated.iloc[0].casefold())
    values = choose_values(Glance(table, own, columns, rows[~described]))
    if values is not None and columns.threshold is not None:
        check_unit(table, values)
    return values


def _read(
    table: Table,
    columns: Columns,
    smiles: str,
    assay: str | None,
    labelled: str | None,
    values: ValueColumn | None,
) -> Iterator[pd.DataFrame]:
    number = re.search(r"(?<![A-Za-z])AID[_\s-]?(\d+)", table.name, re.IGNORECASE)
    whole = f"AID{number[1]}" if number else table.name
    for chunk in table.chunks():
        rows = chunk[~as_text(chunk[_TAG]).str.startswith("RESULT_")]
        fields: dict[str, object] = {
            "smiles": as_text(rows[smiles]),
            "assay": as_text(rows[assay]) if assay else whole,
        }
        if values is not None:
            fields |= values.read(rows)
        if labelled:
            fields["label"] = parse_labels(rows[labelled], f"column {labelled!r} of {table.path}")
            fields["reason"] = ""
        elif columns.threshold is None:
            fields |= _outcomes(rows, table)
        yield measurements(fields, rows.index)


def _outcomes(rows: pd.DataFrame, table: Table) -> dict[str, object]:
    outcome = as_text(rows[_OUTCOME]).str.casefold()
    _check(outcome, table)
    label = outcome.map(_LABELS)
    reason = ("outcome is " + outcome.replace("", "blank")).where(label.isna(), "")
    return {"label": label.astype(np.float32), "reason": reason}


def _check(outcome: pd.Series, table: Table) -> None:
    unknown = ~outcome.isin([*_LABELS, "inconclusive", "unspecified", ""])
    if unknown.any():
        at = int(np.argmax(unknown.to_numpy()))
        raise InputError.of(
            f"column {_OUTCOME} of {table.path}, row {outcome.index[at]}",
            got=repr(outcome.iloc[at]),
            expected="Active, Inactive, Inconclusive, Unspecified or Probe",
        )
