"""The value column of a table, and what stands beside it: unit, relation, type."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from molmeta.assays.cells import decimal_mark, read_values
from molmeta.assays.columns import TYPE_NAMES, VALUE_NAMES, find_column, listed
from molmeta.assays.measurement import MISSING, as_text, looks_like_labels
from molmeta.assays.quantity import Quantity, parse_quantity
from molmeta.assays.readers.reading import Glance, SeveralValues
from molmeta.assays.readers.relation_column import relation_columns, relation_of
from molmeta.assays.readers.twins import are_twins, disagree
from molmeta.assays.readers.unit_column import known_unit, unit_of
from molmeta.assays.relations import SIGNS, UNKNOWN, normalise, turned
from molmeta.assays.units import PERCENT, Unit
from molmeta.errors import InputError


@dataclass(frozen=True)
class ValueColumn:
    """The value column of a table, with its units, relations and types.

    Attributes:
        name: The column.
        quantity: What its name says.
        unit: The unit of the whole column, "" where cells or another column say.
        unit_column: Holds each row's unit, or None.
        relation_column: Holds each row's relation, or None.
        turned: Whether that relation belongs to a value that falls where this one rises.
        type_column: Holds what each row's value is (IC50, Log Ki …), or None.
        decimal: What a comma in its numbers is; see `cells.read_values`.
        twin: The same values in another form (IC50 beside pIC50), or None.
    """

    name: str
    quantity: Quantity
    unit: str = ""
    unit_column: str | None = None
    relation_column: str | None = None
    turned: bool = False
    type_column: str | None = None
    decimal: str | None = None
    twin: ValueColumn | None = None

    def read(self, chunk: pd.DataFrame) -> dict[str, pd.Series]:
        """The fields value, unit, relation, quantity and reason of a chunk's rows."""
        read = self._read(chunk)
        if self.twin is not None:
            cells = chunk[self.name], chunk[self.twin.name]
            apart = disagree(read, self.twin.read(chunk), cells) & (read["reason"] == "")
            text = f"{self.twin.name!r} and {self.name!r} disagree (--value-column says which)"
            read["reason"] = read["reason"].mask(apart, text)
            read["value"] = read["value"].mask(apart)
        return read

    def _read(self, chunk: pd.DataFrame) -> dict[str, pd.Series]:
        index = chunk.index
        cells = read_values(chunk[self.name], self.decimal)
        stated = self._texts(chunk, self.unit_column)
        # A unit "?" is not blank: it says that the unit is not known.
        stated = stated.mask(stated.str.casefold().isin(MISSING - {"?"}), "")
        stated = stated.where(stated != "", self.unit)
        own = pd.Series(cells.unit, index, dtype=object)
        stated = own.where(own != "", stated)
        pairs = list(zip(self._texts(chunk, self.type_column), stated, strict=True))
        known = {pair: self._unit_of(*pair) for pair in set(pairs)}
        said = pd.DataFrame(
            [known[pair] for pair in pairs], index, ["unit", "quantity", "reason"], dtype=object
        )
        relation, disagreement = self._relations(chunk, pd.Series(cells.relation, index))
        reason = said["reason"].where(said["reason"] != "", disagreement)
        reason = reason.where(~np.isnan(cells.value), "")
        return {
            "value": pd.Series(cells.value, index),
            "unit": said["unit"],
            "relation": relation,
            "quantity": said["quantity"],
            "reason": pd.Series(cells.reason, index).where(cells.reason != "", reason),
        }

    def describe(self) -> str:
        """Describe for the user what was taken."""
        text = f"values from {self.name!r}"
        text += f" in {self.unit}" if self.unit else ""
        text += f" rather than {self.twin.name!r}" if self.twin else ""
        if self.unit_column:
            text += f", their units from {self.unit_column!r}"
        if self.type_column:
            text += f", their types from {self.type_column!r}"
        if self.relation_column:
            text += f", their relations from {self.relation_column!r}"
        if self.turned:
            text += ", which stands beside another column: turned round (> becomes <)"
        if self.decimal:
            text += ", commas as decimal marks" if self.decimal == "comma" else ", commas dropped"
        return text

    def _texts(self, chunk: pd.DataFrame, name: str | None) -> pd.Series:
        return as_text(chunk[name]) if name else pd.Series("", chunk.index, dtype=object)

    def _unit_of(self, kind: str, stated: str) -> tuple[str, str, str]:
        """Unit, quantity and reason for a row's type and the unit that is stated beside it."""
        quantity = parse_quantity(kind) if kind else self.quantity
        symbol = quantity.symbol or kind or self.quantity.symbol
        if quantity.other or quantity.problem:
            return "", kind, f"{kind} is {quantity.other or quantity.problem}, not a value"
        try:
            return quantity.unit_with(stated), symbol, ""
        except InputError:
            return "", symbol, f"unit {stated!r} contradicts {kind or self.name!r}"

    def _relations(self, chunk: pd.DataFrame, own: pd.Series) -> tuple[pd.Series, pd.Series]:
        """Each row's relation, and why it cannot be used, "" where it can."""
        nothing = pd.Series("", chunk.index, dtype=object)
        if not self.relation_column:
            return own, nothing
        text = as_text(chunk[self.relation_column])
        beside = normalise(text)
        reason = ("relation is not known: " + text).where(beside == UNKNOWN, "")
        if self.turned:
            beside = turned(beside)
        opposite = beside.map(SIGNS).fillna(0) * own.map(SIGNS).fillna(0) < 0
        reason = reason.mask(opposite, "relations of cell and column contradict each other")
        return own.where(own.isin(SIGNS) | (beside == ""), beside), reason


def choose_values(glance: Glance) -> ValueColumn | None:
    """Find the value column, and what belongs to it.

    Raises:
        InputError: If what is named is not there or holds no values; or if a threshold is given
            and several columns could hold the values.
    """
    table, columns = glance.table, glance.columns
    candidates = _candidates(glance)
    wanted = glance.find(columns.value_column, flag="--value-column")
    relations = relation_columns(glance)
    name = wanted or glance.find(None, VALUE_NAMES, flag="")
    if name is None and candidates:
        name = _one_of(candidates, relations, glance)
    if name is None:
        return None
    table.only(name, "--value-column")
    quantity = parse_quantity(name)
    if (quantity.other or quantity.problem) and (wanted or columns.threshold is not None):
        raise InputError.of(
            f"--value-column {name!r} of {table.path}",
            got=f"a name that says {quantity.other or quantity.problem}",
            expected="measured values",
            fix="Name another column, or rename this one.",
        )
    if quantity.other or quantity.problem:
        return None
    relation, is_turned = relation_of(name, candidates, relations, glance)
    unit, unit_column = unit_of(quantity, glance, alone=len(candidates) < 2)
    types = None if quantity.symbol else _type_column(glance.without(name))
    for one in filter(None, (relation, unit_column, types)):
        table.only(one, "")
    kind = Unit.parse(unit)
    small = bool(quantity.logarithm) or kind.logarithm != 0 or kind.kind == PERCENT
    where = f"column {name!r} of {table.path}"
    decimal = decimal_mark(glance.rows[name], columns.decimal, where, small=small)
    values = ValueColumn(name, quantity, unit, unit_column, relation, is_turned, types, decimal)
    if wanted is None and len(candidates) == 2 and name in candidates:
        other = next(one for one in candidates if one != name)
        values = replace(values, twin=_twin(other, glance))
    if columns.threshold is not None:
        _check_contradictions(values, glance.rows, str(table.path))
    return values


def _twin(name: str, glance: Glance) -> ValueColumn | None:
    """The other form of the values, as far as it can be read."""
    quantity, columns = parse_quantity(name), glance.columns
    small = bool(quantity.logarithm)
    told = replace(glance, columns=replace(columns, units=None))
    try:
        unit, unit_column = unit_of(quantity, told, alone=False)
        decimal = decimal_mark(glance.rows[name], columns.decimal, name, small=small)
    except InputError:
        return None
    return ValueColumn(name, quantity, unit, unit_column, decimal=decimal)


def _check_contradictions(values: ValueColumn, rows: pd.DataFrame, where: str) -> None:
    """Refuse a column most of whose rows, or a line of units, state another unit than its name."""
    for text in as_text(rows[values.name]).unique():
        if values.unit and known_unit(text) and not _says(values, text):
            raise InputError.of(
                f"column {values.name!r} of {where}",
                got=f"the unit {text!r} in a cell, and values in {values.unit}",
                expected="one unit",
                fix="Say with --units what the values are (pXC50, nM, log nM …); remove the cell.",
            )
    read = values.read(rows)
    reasons = read["reason"][read["value"].notna()]
    against = reasons[reasons.str.startswith("unit ")]
    if 2 * len(against) > len(reasons):
        raise InputError.of(
            f"column {values.name!r} of {where}",
            got=f"{against.iloc[0]} in {len(against)} of {len(reasons)} rows",
            expected="one unit",
            fix="Say with --units what the values are (pXC50, nM, log nM …).",
        )


def _says(values: ValueColumn, unit: str) -> bool:
    """Tell whether a unit in a cell agrees with the unit of the column."""
    try:
        return Unit.parse(values.quantity.unit_with(unit)).key == Unit.parse(values.unit).key
    except InputError:
        return False


def _candidates(glance: Glance) -> dict[str, Quantity]:
    """The columns whose names are those of measured values, and that hold numbers.

    "Result (nM)" is one: its unit says what it holds.
    """
    found = {name: parse_quantity(name) for name in glance.names}
    return {
        name: quantity
        for name, quantity in found.items()
        if (quantity.symbol or quantity.unit)
        and not quantity.other
        and as_text(glance.rows[name]).str.contains(r"\d").any()
    }


def measured_columns(glance: Glance) -> list[str]:
    """The columns that hold measured values by their names, and more than classes."""
    named, found = {name.casefold() for name in VALUE_NAMES}, _candidates(glance)
    return [
        name
        for name in glance.names
        if (name in found or name.strip().casefold() in named)
        and not looks_like_labels(glance.rows[name])
    ]


def _one_of(candidates: dict[str, Quantity], relations: list[str], glance: Glance) -> str | None:
    """The value column among several.

    Of an IC50 and its pIC50 it is the one beside a relation, else the pIC50. Where the one is not
    the logarithm of the other they belong to two assays.
    """
    if len(candidates) == 1:
        return next(iter(candidates))
    forms = {(quantity.symbol, quantity.is_pxc50): name for name, quantity in candidates.items()}
    one_quantity = len(candidates) == len(forms) == 2 and len({one for one, _ in forms}) == 1
    if one_quantity and are_twins(glance.rows, *(forms[key] for key in sorted(forms))):
        place = glance.names.index
        at = [place(relation) for relation in relations]
        beside = [one for one in candidates if any(abs(place(one) - i) == 1 for i in at)]
        return beside[0] if len(beside) == 1 else next(forms[key] for key in forms if key[1])
    if glance.columns.threshold is None:
        return None
    error = SeveralValues.of(
        f"values of {glance.table.path}",
        got=f"several columns that could hold them: {listed(list(candidates))}",
        expected="one",
        fix="Name it with --value-column.",
    )
    error.names = tuple(candidates)
    raise error


def _type_column(glance: Glance) -> str | None:
    """The column that says what each row's value is, if most of its words are quantities.

    One that cannot be read, such as `?log10 IC50`, is one: its rows are set aside.
    """
    for known in TYPE_NAMES:
        name = find_column(glance.names, None, (known,), flag="", source="")
        if name is None:
            continue
        words = [
            word for word in as_text(glance.rows[name]).unique() if word.casefold() not in MISSING
        ]
        said = [parse_quantity(word) for word in words]
        if said and 2 * sum(bool(one.symbol or one.problem) for one in said) >= len(said):
            return name
    return None
