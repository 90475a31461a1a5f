"""Plain tables: long (one row a measurement) and wide (one column an assay, blank = untested)."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from molmeta.assays.cells import read_values
from molmeta.assays.columns import ASSAY_NAMES, LABEL_NAMES, TARGET_NAMES, Columns, listed
from molmeta.assays.formats.table import Table
from molmeta.assays.library import find_smiles
from molmeta.assays.measurement import (
    MISSING,
    UNDECIDED,
    UNTESTED,
    as_text,
    label_errors,
    measurements,
    parse_labels,
)
from molmeta.assays.readers.classes import choose_labels, class_columns, speaks_of_labels
from molmeta.assays.readers.reading import N_LOOKED_AT, Glance, NoLabels, Reading
from molmeta.assays.readers.values import ValueColumn, choose_values, measured_columns
from molmeta.assays.units import PERCENT, PXC50, Unit
from molmeta.errors import InputError

THRESHOLD: str | None = None

_FRACTION = 2.0  # no assay of percentages has nothing above; one of fractions hardly goes beyond
_ID_NAMES = frozenset({"id", "index", "cid", "sid", "num", "number", "row", "name"})
_WIDE_WORDS = frozenset({"0", "1", "0.0", "1.0", "active", "inactive"}) | MISSING


def recognises(table: Table) -> bool:
    """Any table may be a plain one."""
    return True


def read(table: Table, columns: Columns) -> Reading:
    """Measurements of a long or wide table.

    A table is long where an assay, label or value column is named or known, else wide. With a
    threshold, labels come from values, unless a label column is named. Beside values, a column
    of 0 and 1 is none of labels unless it says so.

    Raises:
        InputError: If a column is missing, not recognised, or holds what cannot be read.
    """
    smiles = find_smiles(table, columns.smiles_column)
    glance = Glance.of(table, columns, [smiles])
    found = _find_columns(glance)
    rest = glance.without(*found.values())
    if not ("label" in found or columns.threshold is not None or columns.value_column):
        label = choose_labels(rest)
        found |= {"label": label} if label else {}
        rest = rest.without(*found.values())
    values = choose_values(rest)
    if "label" not in found and (values is None or columns.threshold is None):
        long = "assay" in found or columns.value_column or columns.threshold is not None
        if long or measured_columns(rest):
            raise _no_label(glance)
        return read_wide(table, smiles, *_assay_columns(glance))
    if "label" not in found and values is not None:
        check_unit(table, values)
    if values is not None and columns.units is None:
        _check_percentages(table, values)
    notes = [_describe_long(smiles, found, values)]
    unread = class_columns(rest if values is None else rest.without(values.name))
    if "label" in found:
        unread = [name for name in unread if speaks_of_labels(name, glance.rows)]
    if unread:
        notes.append(f"not read: {listed(unread)} (could be labels: --label-column takes one)")
    return Reading(tuple(notes), _read_long(table, smiles, found, values))


def check_unit(table: Table, values: ValueColumn) -> None:
    """Refuse concentrations of which nothing says the unit.

    Raises:
        InputError: If that is so.
    """
    unit = Unit.parse(values.unit)
    if not values.quantity.concentration or values.unit_column or unit.kind == PXC50:
        return
    some = next(table.chunks(N_LOOKED_AT))
    read = values.read(some)
    units = read["unit"][read["value"].notna()]
    if (units != "").any():  # the cells say it
        return
    raise InputError.of(
        f"column {values.name!r} of {table.path}",
        got="the logarithm of a concentration without a unit"
        if values.quantity.logarithm
        else "concentrations without a unit",
        expected="a unit such as nM or uM, or pXC50",
        fix="Say it with --units.",
    )


def _check_percentages(table: Table, values: ValueColumn) -> None:
    """Refuse percentages of which all are so small that they are likely fractions: 0.5 for 50 %.

    Raises:
        InputError: If that is so.
    """
    low, high, fractional = np.inf, -np.inf, False
    for chunk in table.chunks():
        read, said = values.read(chunk), read_values(chunk[values.name], values.decimal).unit
        in_percent = read["unit"].map(lambda unit: Unit.parse(unit).kind == PERCENT)
        value = read["value"][in_percent & (said == "")]  # a cell such as "0.5 %" leaves no doubt
        low, high = np.fmin(low, value.min()), np.fmax(high, value.max())
        if not in_percent.any() or low < -_FRACTION or high > _FRACTION:
            return
        fractional |= bool((value % 1 > 0).any())
    if not fractional:
        return
    raise InputError.of(
        f"column {values.name!r} of {table.path}",
        got=f"percentages that all lie between {low:g} and {high:g}",
        expected="50 for 50 %",
        fix="Multiply fractions by 100; or say with --units % that they are percentages.",
    )


def _find_columns(glance: Glance) -> dict[str, str]:
    columns = glance.columns
    wanted = {
        "assay": (columns.assay_column, ASSAY_NAMES, "--assay-column"),
        "label": (columns.label_column, LABEL_NAMES, "--label-column"),
        "target": (None, TARGET_NAMES, ""),
    }
    reserved = {columns.value_column, columns.relation_column, columns.units}
    found: dict[str, str] = {}
    for field, (name, known, flag) in wanted.items():
        if field == "label" and name is None and columns.threshold is not None:
            continue
        free = glance.without(*found.values(), *(filter(None, reserved) if name is None else ()))
        match = free.find(name, known, flag=flag)
        if match is not None:
            found[field] = match
    return found


def _describe_long(smiles: str, found: dict[str, str], values: ValueColumn | None) -> str:
    parts = [f"SMILES from {smiles!r}"]
    parts += [f"{field}s from {name!r}" for field, name in found.items()]
    if values is not None:
        parts.append(values.describe())
    return ", ".join(parts)


def _read_long(
    table: Table, smiles: str, found: dict[str, str], values: ValueColumn | None
) -> Iterator[pd.DataFrame]:
    for chunk in table.chunks():
        text = {field: as_text(chunk[name]) for field, name in found.items()}
        fields: dict[str, object] = {
            "smiles": as_text(chunk[smiles]),
            "assay": text.get("assay", table.name),
            "target": text.get("target", ""),
        }
        if values is not None:
            fields |= values.read(chunk)
        if "label" in found:
            where = f"column {found['label']!r} of {table.path}"
            undecided = text["label"].str.casefold().isin(UNDECIDED)
            fields["label"] = parse_labels(text["label"].mask(undecided, ""), where)
            # A label needs no value.
            fields["reason"] = ("label is " + text["label"]).where(
                undecided, label_errors(text["label"])
            )
        yield measurements(fields, chunk.index)


def read_wide(
    table: Table, smiles: str, assays: Sequence[str], others: Sequence[str] = ()
) -> Reading:
    """Measurements of a wide table: the cells of its assay columns that are not blank.

    A molecule that is tested in no assay gives one row without an assay.

    Args:
        table: The table.
        smiles: The column of the molecules.
        assays: The columns that are assays.
        others: What to say of the other columns.
    """
    note = f"SMILES from {smiles!r}, {len(assays)} assays: {listed(assays)}"
    return Reading((note, *others), _read_wide(table, smiles, assays))


def _read_wide(table: Table, smiles: str, assays: Sequence[str]) -> Iterator[pd.DataFrame]:
    categories = pd.Index(assays)
    for chunk in table.chunks():
        columns = [parse_labels(chunk[name], f"column {name!r} of {table.path}") for name in assays]
        labels = np.stack(columns, axis=1)
        errors = np.full(labels.shape, "", dtype=object)
        if len(assays) == 1:  # of several, a molecule is hardly tested in all
            errors[:, 0] = label_errors(chunk[assays[0]])
        tested = ~np.isnan(labels) | (errors != "")
        rows, numbers = np.nonzero(tested)
        molecules = as_text(chunk[smiles])
        fields: dict[str, object] = {
            "smiles": molecules.iloc[rows].to_numpy(),
            "assay": pd.Categorical.from_codes(numbers, categories),
            "label": labels[rows, numbers],
            "reason": errors[rows, numbers],
        }
        yield measurements(fields, chunk.index[rows])
        untested = molecules.iloc[np.flatnonzero(~tested.any(axis=1))]
        yield measurements({"smiles": untested, "reason": UNTESTED}, untested.index)


def _assay_columns(glance: Glance) -> tuple[list[str], list[str]]:
    """The columns whose first cells are labels or blank, and why the others are no assays.

    A column that is blank so far counts: rarely tested assays begin late.
    """
    found, others, n_labelled = [], [], 0
    for name in glance.names:
        key = name.strip().casefold()
        if key in _ID_NAMES or key.endswith(("_id", " id")):
            others.append(f"column {name!r} is no assay: its name is an identifier's")
            continue
        cells = as_text(glance.rows[name])
        words = cells.str.casefold()
        odd = cells[~words.isin(_WIDE_WORDS)]
        if len(odd):
            others.append(f"column {name!r} is no assay: row {odd.index[0]} holds {odd.iloc[0]!r}")
            continue
        found.append(name)
        n_labelled += int((~words.isin(MISSING)).sum())
    if n_labelled == 0:
        raise _no_label(glance)
    return found, others


def _no_label(glance: Glance) -> InputError:
    return NoLabels.of(
        f"labels of {glance.table.path}",
        got=f"the columns {listed(glance.names)}",
        expected="a column such as 'active' or 'label', or assay columns of 0 and 1",
        fix="Name it with --label-column, or give --value-column with --threshold.",
    )
