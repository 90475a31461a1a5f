"""Plain tables: long (one row a measurement) and wide (one column an assay, blank = untested)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from molmeta.assays.columns import (
    ASSAY_NAMES,
    LABEL_NAMES,
    RELATION_NAMES,
    UNIT_NAMES,
    VALUE_NAMES,
    Columns,
    find_column,
    listed,
)
from molmeta.assays.library import N_LOOKED_AT, find_smiles
from molmeta.assays.measurement import as_text, measurements, parse_labels, parse_values
from molmeta.assays.tables import Table
from molmeta.errors import InputError

_ID_NAMES = frozenset({"id", "index", "cid", "sid", "num", "number", "row", "name"})


def recognises(table: Table) -> bool:
    """Any table may be a plain one."""
    return True


def read(table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
    """Measurements of a long or wide table, a chunk of its rows at a time.

    A table with an assay, label or value column is long, any other is wide.

    Raises:
        InputError: If a named column is missing, none is recognised, or a label cannot be read.
    """
    smiles = find_smiles(table, columns.smiles_column)
    names = [name for name in table.columns if name != smiles]

    def find(wanted: str | None, known: tuple[str, ...], flag: str) -> str | None:
        return find_column(names, wanted, known, flag=flag, source=str(table.path))

    assay = find(columns.assay_column, ASSAY_NAMES, "--assay-column")
    label = find(columns.label_column, LABEL_NAMES, "--label-column")
    value = find(columns.value_column, VALUE_NAMES, "--value-column")
    if label is None and (value is None or columns.threshold is None):
        if assay is not None or columns.value_column is not None:
            raise _no_label(table, names)
        yield from _read_wide(table, smiles, names)
        return
    relation = find(columns.relation_column, RELATION_NAMES, "--relation-column")
    unit = find(columns.units if columns.units in names else None, UNIT_NAMES, "--units")
    for chunk in table.chunks():
        fields: dict[str, object] = {
            "smiles": as_text(chunk[smiles]),
            "assay": as_text(chunk[assay]) if assay else table.name,
        }
        if label:
            fields["label"] = parse_labels(chunk[label], f"column {label!r} of {table.path}")
        if value:
            fields["value"] = parse_values(chunk[value])
            fields["unit"] = as_text(chunk[unit]) if unit else columns.units or ""
        if value and relation:
            fields["relation"] = as_text(chunk[relation])
        yield measurements(fields, chunk.index)


def _read_wide(table: Table, smiles: str, names: list[str]) -> Iterator[pd.DataFrame]:
    assays = _assay_columns(table, names)
    categories = pd.Index(assays)
    for chunk in table.chunks():
        labels = np.stack(
            [parse_labels(chunk[name], f"column {name!r} of {table.path}") for name in assays], 1
        )
        tested = ~np.isnan(labels)
        rows, columns = np.nonzero(tested)
        untested = np.flatnonzero(~tested.any(axis=1))
        molecules = as_text(chunk[smiles])
        yield measurements(
            {
                "smiles": molecules.iloc[rows].to_numpy(),
                "assay": pd.Categorical.from_codes(columns, categories),
                "label": labels[rows, columns],
            },
            chunk.index[rows],
        )
        yield measurements(
            {"smiles": molecules.iloc[untested], "reason": "tested in no assay"},
            chunk.index[untested],
        )


def _assay_columns(table: Table, names: list[str]) -> list[str]:
    """The columns whose first cells are 0, 1 or blank, identifiers aside.

    A column that is blank so far counts: rarely tested assays begin late.
    """
    rows = table.first_rows(N_LOOKED_AT)
    found, n_labelled = [], 0
    for name in names:
        key = name.casefold()
        if key in _ID_NAMES or key.endswith(("_id", " id")):
            continue
        cells = as_text(rows[name])
        filled = cells[cells != ""]
        if not len(filled) or set(filled.unique()) <= {"0", "1", "0.0", "1.0"}:
            found.append(name)
            n_labelled += len(filled)
    if n_labelled == 0:
        raise _no_label(table, names)
    return found


def _no_label(table: Table, names: list[str]) -> InputError:
    return InputError.of(
        f"labels of {table.path}",
        got=f"the columns {listed(names)}",
        expected="a column such as 'active' or 'label', or assay columns of 0 and 1",
        fix="Name it with --label-column, or give --value-column with --threshold.",
    )
