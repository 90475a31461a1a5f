"""ChEMBL: the web interface's activities export, its web API's names, and database rows."""

from collections.abc import Iterator, Mapping

import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.formats.table import Table
from molmeta.assays.library import find_smiles
from molmeta.assays.measurement import MISSING, as_text, measurements, parse_labels
from molmeta.assays.quantity import parse_quantity
from molmeta.assays.readers.reading import Glance, Reading
from molmeta.assays.readers.values import ValueColumn, choose_values

# ChEMBL gives values, not labels.
THRESHOLD: str | None = "fsmol"

# What we read, by the names that ChEMBL's interfaces give it ("Standard Value" = standard_value).
_NAMES = {
    "smiles": ("smiles", "canonical_smiles"),
    "value": ("standard_value",),
    "unit": ("standard_units",),
    "relation": ("standard_relation",),
    "type": ("standard_type",),
    "pchembl": ("pchembl_value", "pchembl"),
    "assay": ("assay_chembl_id", "chembl_id", "assay_id", "assay"),
    "target": ("protein_class_desc", "target_name", "target_pref_name", "target_chembl_id"),
    "validity": ("data_validity_comment",),
    "duplicate": ("potential_duplicate",),
}
_REQUIRED = ("smiles", "value", "unit", "relation")


def recognises(table: Table) -> bool:
    """Tell whether the table has ChEMBL's columns of standardised activities."""
    return set(_REQUIRED) <= set(_columns(table))


def read(table: Table, columns: Columns) -> Reading:
    """Measurements; what ChEMBL itself flags is set aside with its comment.

    A type such as `Log IC50` or `pKi` makes the value a logarithm.
    """
    names = _columns(table)
    for field, wanted, flag in (
        ("assay", columns.assay_column, "--assay-column"),
        ("label", columns.label_column, "--label-column"),
        ("relation", columns.relation_column, "--relation-column"),
    ):
        if wanted is not None:
            names[field] = str(table.find(wanted, flag=flag))
    if columns.smiles_column is not None or "smiles" not in names:
        names["smiles"] = find_smiles(table, columns.smiles_column)
    for name in names.values():
        table.only(name, "")
    values = _values(table, columns, names)
    note = f"as ChEMBL exports it: SMILES from {names['smiles']!r}"
    note += f", assays from {names['assay']!r}" if "assay" in names else ""
    note += f", labels from {names['label']!r}" if "label" in names else ""
    return Reading((f"{note}, {values.describe()}",), _read(table, columns, names, values))


def _values(table: Table, columns: Columns, names: Mapping[str, str]) -> ValueColumn:
    if columns.value_column is None and columns.units is None and "value" in names:
        return ValueColumn(
            names["value"],
            parse_quantity(names["value"]),
            unit_column=names["unit"],
            relation_column=names["relation"],
            type_column=names.get("type"),
            decimal=columns.decimal,
        )
    taken = [names[field] for field in ("smiles", "assay", "label") if field in names]
    chosen = choose_values(Glance.of(table, columns, taken))
    assert chosen is not None  # there is a column of ChEMBL's own at least
    return chosen


def _read(
    table: Table, columns: Columns, names: Mapping[str, str], values: ValueColumn
) -> Iterator[pd.DataFrame]:
    for chunk in table.chunks():
        cells = {field: _clean(chunk[name]) for field, name in names.items()}
        fields: dict[str, object] = {
            "smiles": cells["smiles"],
            "assay": cells.get("assay", table.name),
            "target": cells.get("target", ""),
        }
        read = values.read(chunk)
        if "pchembl" in names and columns.value_column is None:
            _fill_from_pchembl(read, ValueColumn(names["pchembl"], _PCHEMBL).read(chunk))
        flagged = _flagged(cells, chunk.index)
        read["reason"] = flagged.where(flagged != "", read["reason"])
        fields |= read
        if "label" in names:
            where = f"column {names['label']!r} of {table.path}"
            fields |= {"label": parse_labels(chunk[names["label"]], where), "reason": flagged}
        yield measurements(fields, chunk.index)


_PCHEMBL = parse_quantity("pchembl")


def _fill_from_pchembl(read: dict[str, pd.Series], pchembl: dict[str, pd.Series]) -> None:
    """ChEMBL's own pXC50 where its value or unit cannot be used, in place."""
    lacks = read["value"].isna() | (read["reason"] != "") | (read["unit"] == "")
    lacks &= pchembl["value"].notna() & ~read["reason"].str.startswith("relation")
    read["value"] = read["value"].where(~lacks, pchembl["value"])
    read["unit"] = read["unit"].mask(lacks, "pchembl")
    read["relation"] = read["relation"].mask(lacks, "=")
    read["reason"] = read["reason"].mask(lacks, "")


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
