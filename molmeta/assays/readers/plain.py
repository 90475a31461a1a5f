"""Plain tables: long (one row a measurement) and wide (one column an assay, blank = untested)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from molmeta.assays.columns import (
    ASSAY_NAMES,
    LABEL_NAMES,
    RELATION_NAMES,
    TARGET_NAMES,
    UNIT_NAMES,
    VALUE_NAMES,
    Columns,
    find_column,
    listed,
)
from molmeta.assays.formats.table import Table
from molmeta.assays.library import N_LOOKED_AT, find_smiles
from molmeta.assays.measurement import (
    MISSING,
    UNTESTED,
    as_text,
    measurements,
    parse_labels,
    parse_values,
    split_relations,
)
from molmeta.assays.units import PXC50, Unit
from molmeta.errors import InputError

THRESHOLD: str | None = None

_ID_NAMES = frozenset({"id", "index", "cid", "sid", "num", "number", "row", "name"})
_CONCENTRATION = re.compile(r"\b(?:[iegax]c|gi)_?50|\bk[id]\b", re.IGNORECASE)


def recognises(table: Table) -> bool:
    """Any table may be a plain one."""
    return True


def read(table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
    """Measurements of a long or wide table.

    A table is long where an assay, label or value column is named or known, else wide. With a
    threshold, labels come from values, unless a label column is named.

    Raises:
        InputError: If a column is missing, not recognised, or holds what cannot be read.
    """
    smiles = find_smiles(table, columns.smiles_column)
    names = [name for name in table.columns if name != smiles]
    found = _find_columns(table, names, columns)
    if "label" not in found and ("value" not in found or columns.threshold is None):
        if "assay" in found or columns.value_column or columns.threshold is not None:
            raise _no_label(table, names)
        return read_wide(table, smiles, _assay_columns(table, names))
    return _read_long(table, smiles, found, _unit(table, found, columns))


def _find_columns(table: Table, names: list[str], columns: Columns) -> dict[str, str]:
    wanted = {
        "assay": (columns.assay_column, ASSAY_NAMES, "--assay-column"),
        "label": (columns.label_column, LABEL_NAMES, "--label-column"),
        "value": (columns.value_column, VALUE_NAMES, "--value-column"),
        "relation": (columns.relation_column, RELATION_NAMES, "--relation-column"),
        "unit": (columns.units if columns.units in names else None, UNIT_NAMES, "--units"),
        "target": (None, TARGET_NAMES, ""),
    }
    found: dict[str, str] = {}
    for field, (name, known, flag) in wanted.items():
        if field == "label" and name is None and columns.threshold is not None:
            continue
        free = [other for other in names if other not in found.values()]
        match = find_column(free, name, known, flag=flag, source=str(table.path))
        if match is not None:
            found[field] = match
    return found


def _unit(table: Table, found: dict[str, str], columns: Columns) -> str:
    """The unit of a whole value column: as told, or as its name says."""
    if "value" not in found or columns.units in found.values():
        return ""
    if columns.units:
        return columns.units
    name = found["value"]
    last = re.split(r"[\s_()\[\]]+", name.strip(" )]"))[-1]
    for word in (name, last):
        if not np.isnan((unit := Unit.parse(word)).exponent) or unit.kind == PXC50:
            return word
    if columns.threshold is not None and "unit" not in found and _CONCENTRATION.search(name):
        raise InputError.of(
            f"column {name!r} of {table.path}",
            got="concentrations without a unit",
            expected="a unit such as nM or uM, or pXC50",
            fix="Say it with --units.",
        )
    return ""


def _read_long(
    table: Table, smiles: str, found: dict[str, str], whole_unit: str
) -> Iterator[pd.DataFrame]:
    for chunk in table.chunks():
        text = {field: as_text(chunk[name]) for field, name in found.items()}
        fields: dict[str, object] = {
            "smiles": as_text(chunk[smiles]),
            "assay": text.get("assay", table.name),
            "target": text.get("target", ""),
        }
        if "label" in found:
            where = f"column {found['label']!r} of {table.path}"
            fields["label"] = parse_labels(text["label"], where)
        if "value" in found:
            relation, number = split_relations(text["value"])
            value = parse_values(number)
            fields["value"] = value
            fields["unit"] = whole_unit or text.get("unit", "")
            fields["relation"] = relation.where(relation != "", text.get("relation", ""))
            if "label" not in found:
                no_number = np.isnan(value) & ~number.str.casefold().isin(MISSING)
                fields["reason"] = ("value is no number: " + number).where(no_number, "")
        yield measurements(fields, chunk.index)


def read_wide(table: Table, smiles: str, assays: list[str]) -> Iterator[pd.DataFrame]:
    """Measurements of a wide table: the cells of its assay columns that are not blank.

    A molecule that is tested in no assay gives one row without an assay.
    """
    categories = pd.Index(assays)
    for chunk in table.chunks():
        columns = [parse_labels(chunk[name], f"column {name!r} of {table.path}") for name in assays]
        labels = np.stack(columns, axis=1)
        tested = ~np.isnan(labels)
        rows, numbers = np.nonzero(tested)
        molecules = as_text(chunk[smiles])
        fields: dict[str, object] = {
            "smiles": molecules.iloc[rows].to_numpy(),
            "assay": pd.Categorical.from_codes(numbers, categories),
            "label": labels[rows, numbers],
        }
        yield measurements(fields, chunk.index[rows])
        untested = molecules.iloc[np.flatnonzero(~tested.any(axis=1))]
        yield measurements({"smiles": untested, "reason": UNTESTED}, untested.index)


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
        if set(filled.unique()) <= {"0", "1", "0.0", "1.0"}:
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
