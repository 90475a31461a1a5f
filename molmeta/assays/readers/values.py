"""The value column of a table, and what stands beside it: unit, relation, type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from molmeta.assays.cells import decimal_mark, read_values
from molmeta.assays.columns import (
    RELATION_NAMES,
    TYPE_NAMES,
    VALUE_NAMES,
    Columns,
    find_column,
    listed,
)
from molmeta.assays.formats.table import Table
from molmeta.assays.measurement import MISSING, as_text, looks_like_labels
from molmeta.assays.quantity import RELATION, Quantity, parse_quantity
from molmeta.assays.readers.reading import SeveralValues
from molmeta.assays.readers.twins import disagree
from molmeta.assays.relations import (
    SIGNS,
    UNKNOWN,
    looks_like_relations,
    may_censor,
    normalise,
    turned,
)
from molmeta.assays.units import PERCENT, Unit
from molmeta.errors import InputError

N_LOOKED_AT = 2_000
_FEWEST, _NEAR, _MOST = 3, 0.3, 0.75  # rows; log units between a value and its logarithm; share

_UNIT_WORDS = frozenset({"unit", "units", "uom", "einheit", "einheiten"})
_VALUE_WORDS = frozenset({"standard", "value", "values", "result", "measured", "of"})
_TESTED = frozenset(
    {"dose", "conc", "concentration", "tested", "max", "cmax", "solubility", "lloq", "loq", "lod"}
)
"""Words of what has a unit of concentration too, and is no activity."""


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


def choose_values(
    table: Table, names: Sequence[str], columns: Columns, rows: pd.DataFrame
) -> ValueColumn | None:
    """Find the value column, and what belongs to it.

    Args:
        table: For messages.
        names: The columns that have no other role.
        columns: What the user says.
        rows: The first rows.

    Raises:
        InputError: If what is named is not there or holds no values; or if a threshold is given
            and several columns could hold the values.
    """
    where = str(table.path)
    candidates = _candidates(names, rows)
    wanted = table.find(columns.value_column, flag="--value-column", among=names)
    relations = _relation_columns(table, names, columns, rows)
    if wanted is not None:
        name = wanted
    elif (generic := table.find(None, VALUE_NAMES, flag="", among=names)) is not None:
        name = generic
    elif candidates:
        chosen = _one_of(candidates, list(names), relations, columns, rows, where)
        if chosen is None:
            return None
        name = chosen
    else:
        return None
    table.only(name, "--value-column")
    quantity = parse_quantity(name)
    if (quantity.other or quantity.problem) and (wanted or columns.threshold is not None):
        raise InputError.of(
            f"--value-column {name!r} of {where}",
            got=f"a name that says {quantity.other or quantity.problem}",
            expected="measured values",
            fix="Name another column, or rename this one.",
        )
    if quantity.other or quantity.problem:
        return None
    relation, is_turned = _relation_of(
        name, list(names), candidates, relations, columns, rows, where
    )
    alone = len(candidates) < 2
    unit, unit_column = _unit_of(quantity, names, columns, rows, alone=alone)
    types = None if quantity.symbol else _type_column(names, rows, name)
    for one in filter(None, (relation, unit_column, types)):
        table.only(one, "")
    kind = Unit.parse(unit)
    small = bool(quantity.logarithm) or kind.logarithm != 0 or kind.kind == PERCENT
    decimal = decimal_mark(rows[name], columns.decimal, f"column {name!r} of {where}", small=small)
    values = ValueColumn(name, quantity, unit, unit_column, relation, is_turned, types, decimal)
    if wanted is None and len(candidates) == 2 and name in candidates:
        other = next(one for one in candidates if one != name)
        values = replace(values, twin=_twin(other, names, columns, rows))
    if columns.threshold is not None:
        _check_contradictions(values, rows, where)
    return values


def _twin(
    name: str, names: Sequence[str], columns: Columns, rows: pd.DataFrame
) -> ValueColumn | None:
    """The other form of the values, as far as it can be read."""
    quantity, told = parse_quantity(name), replace(columns, units=None)
    small = bool(quantity.logarithm)
    try:
        unit, unit_column = _unit_of(quantity, names, told, rows, alone=False)
        decimal = decimal_mark(rows[name], columns.decimal, name, small=small)
    except InputError:
        return None
    return ValueColumn(name, quantity, unit, unit_column, decimal=decimal)


def _check_contradictions(values: ValueColumn, rows: pd.DataFrame, where: str) -> None:
    """Refuse a column most of whose rows, or a line of units, state another unit than its name."""
    for text in as_text(rows[values.name]).unique():
        if values.unit and _known_unit(text) and not _says(values, text):
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


def _candidates(names: Sequence[str], rows: pd.DataFrame) -> dict[str, Quantity]:
    """The columns whose names are those of measured values, and that hold numbers.

    "Result (nM)" is one: its unit says what it holds.
    """
    found = {name: parse_quantity(name) for name in names}
    return {
        name: quantity
        for name, quantity in found.items()
        if (quantity.symbol or quantity.unit)
        and not quantity.other
        and as_text(rows[name]).str.contains(r"\d").any()
    }


def measured_columns(names: Sequence[str], rows: pd.DataFrame) -> list[str]:
    """The columns that hold measured values by their names, and more than classes."""
    named = {name.strip().casefold() for name in VALUE_NAMES}
    found = set(_candidates(names, rows))
    found |= {name for name in names if name.strip().casefold() in named}
    return [name for name in names if name in found and not looks_like_labels(rows[name])]


def _one_of(
    candidates: dict[str, Quantity],
    names: list[str],
    relations: list[str],
    columns: Columns,
    rows: pd.DataFrame,
    where: str,
) -> str | None:
    """The value column among several.

    Of an IC50 and its pIC50 it is the one beside a relation, else the pIC50. Where the one is not
    the logarithm of the other they belong to two assays.
    """
    if len(candidates) == 1:
        return next(iter(candidates))
    forms = {(quantity.symbol, quantity.is_pxc50): name for name, quantity in candidates.items()}
    are_twins = len(candidates) == len(forms) == 2 and len({symbol for symbol, _ in forms}) == 1
    if are_twins and _agree(rows, *(forms[key] for key in sorted(forms))):
        at = [names.index(relation) for relation in relations]
        beside = [one for one in candidates if any(abs(names.index(one) - i) == 1 for i in at)]
        return beside[0] if len(beside) == 1 else next(forms[key] for key in forms if key[1])
    if columns.threshold is None:
        return None
    error = SeveralValues.of(
        f"values of {where}",
        got=f"several columns that could hold them: {listed(list(candidates))}",
        expected="one",
        fix="Name it with --value-column.",
    )
    assert isinstance(error, SeveralValues)
    error.names = tuple(candidates)
    raise error


def _agree(rows: pd.DataFrame, value: str, logarithm: str) -> bool:
    """Tell whether −log10 of one column is another, up to a unit; yes where too few rows say."""
    values = np.array(read_values(rows[value], None).value, np.float64)
    stated = np.array(read_values(rows[logarithm], None).value, np.float64)
    both = (values > 0) & np.isfinite(stated)
    if both.sum() < _FEWEST:
        return True
    shift = stated[both] + np.log10(values[both])
    return bool(np.mean(np.abs(shift - np.median(shift)) < _NEAR) > _MOST)


def _relation_columns(
    table: Table, names: Sequence[str], columns: Columns, rows: pd.DataFrame
) -> list[str]:
    """The columns that hold relations, by name or by what is in them."""
    wanted = table.find(columns.relation_column, flag="--relation-column", among=names)
    if wanted is not None:
        return [wanted]
    known = {name.casefold() for name in RELATION_NAMES}
    return [
        name
        for name in names
        if name.strip().casefold() in known
        or parse_quantity(name).other == RELATION
        or looks_like_relations(as_text(rows[name]))
    ]


def _relation_of(
    name: str,
    names: list[str],
    candidates: dict[str, Quantity],
    relations: list[str],
    columns: Columns,
    rows: pd.DataFrame,
    where: str,
) -> tuple[str | None, bool]:
    """The relation column of a value column, and whether it is to be turned round."""
    if columns.relation_column and relations:
        return relations[0], False
    relations = [other for other in relations if other != name]
    others = {one: q for one, q in candidates.items() if one != name}
    if not relations:
        return None, False
    own, of_twins = [], []
    for relation in relations:
        owners = _owners(relation, name, names, others)
        if owners == {name}:
            own.append(relation)
        elif name in owners and _opposed(name, owners - {name}):
            raise _which_relation(name, relation, owners, where)
        elif name in owners:
            own.append(relation)
        elif any(parse_quantity(o).symbol == parse_quantity(name).symbol for o in owners):
            of_twins.append((relation, _opposed(name, owners)))
        elif not parse_quantity(relation).symbol and may_censor(as_text(rows[relation])):
            raise _which_relation(name, relation, {name, *owners}, where)
    if len(own) == 1:
        return own[0], False
    if not own and len(of_twins) == 1:
        return of_twins[0]
    if not own and not of_twins:
        return None, False
    raise InputError.of(
        f"relations of {where}",
        got=f"several columns of them: {listed(relations)}",
        expected=f"one for {name!r}",
        fix="Name it with --relation-column.",
    )


def _owners(relation: str, name: str, names: list[str], others: dict[str, Quantity]) -> set[str]:
    """The value columns that a relation can belong to: by its name, else those beside it."""
    if not others:
        return {name}
    said = parse_quantity(relation)
    values = [name, *others]
    if said.symbol:
        named = {one for one in values if _same(parse_quantity(one), said)}
        if named:
            return named
    at = names.index(relation)
    beside = {one for one in values if abs(names.index(one) - at) == 1}
    return beside or set(values)


def _same(one: Quantity, other: Quantity) -> bool:
    return one.symbol == other.symbol and one.logarithm == other.logarithm


def _opposed(name: str, others: set[str]) -> bool:
    """Tell whether another of the columns falls where this one rises."""
    return any(parse_quantity(other).rises != parse_quantity(name).rises for other in others)


def _which_relation(name: str, relation: str, owners: set[str], where: str) -> InputError:
    return InputError.of(
        f"relations in {relation!r} of {where}",
        got=f"a place where they could be those of {listed(sorted(owners))}",
        expected=f"to know whether they are those of {name!r}",
        fix="Name both with --value-column and --relation-column.",
    )


def _unit_of(
    quantity: Quantity,
    names: Sequence[str],
    columns: Columns,
    rows: pd.DataFrame,
    *,
    alone: bool,
) -> tuple[str, str | None]:
    """The unit of the whole column, and the column of each row's unit.

    Where the name says the unit, a column of units may only contradict it; that of a pIC50 beside
    an IC50 is the other's.
    """
    if columns.units is not None:
        column = next((n for n in names if n == columns.units), None)
        if column is None and not _known_unit(columns.units):
            column = next((n for n in names if n.casefold() == columns.units.casefold()), None)
        if column is not None:
            return quantity.unit_with(""), column
        if not _known_unit(columns.units):
            raise InputError.of(
                "--units",
                got=repr(columns.units),
                expected=f"nM, uM, M, ug/mL, %, pXC50, log nM …, or one of {listed(names)}",
            )
        return quantity.unit_with(columns.units), None
    unit = quantity.unit_with("")
    known = _units_said_of(quantity.name, names)
    beside = known is not None and names.index(known) == names.index(quantity.name) + 1
    if unit and not (alone or beside):
        return unit, None  # its units are another column's
    if known is not None and unit:
        cells = as_text(rows[known])
        filled = cells[~cells.str.casefold().isin(MISSING)]
        if 2 * filled.map(_known_unit).sum() < len(filled):
            known = None  # units of something else
    return unit, known


def _units_said_of(value: str, names: Sequence[str]) -> str | None:
    """The column whose name says that it holds the units of the value, and of nothing else.

    "IC50 unit" is rather that of an IC50 than a mere "Unit", and that one not behind a dose.
    """
    found: dict[str, tuple[int, bool]] = {}
    for at, name in enumerate(names):
        words = _letters(name).split()
        of = "".join(word for word in words if word not in _UNIT_WORDS | _VALUE_WORDS)
        if name == value or not _UNIT_WORDS.intersection(words):
            continue
        before = names[at - 1] if at else ""
        stray = not of and before != value and _TESTED.intersection(_letters(before).split())
        if not stray and of in _letters(value).replace(" ", ""):
            found[name] = len(of), before == value
    return max(found, key=lambda name: found[name], default=None)


def _letters(name: str) -> str:
    """The letters and digits of a name, in lower case, blanks between."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.findall(r"[^\W_]+", apart.casefold()))


def _known_unit(text: str) -> bool:
    unit = Unit.parse(text)
    return unit.is_concentration or unit.kind == PERCENT


def _type_column(names: Sequence[str], rows: pd.DataFrame, value: str) -> str | None:
    """The column that says what each row's value is, if most of its words are quantities.

    One that cannot be read, such as `?log10 IC50`, is one: its rows are set aside.
    """
    for known in TYPE_NAMES:
        name = find_column([n for n in names if n != value], None, (known,), flag="", source="")
        if name is None:
            continue
        words = [word for word in as_text(rows[name]).unique() if word.casefold() not in MISSING]
        said = [parse_quantity(word) for word in words]
        if said and 2 * sum(bool(one.symbol or one.problem) for one in said) >= len(said):
            return name
    return None
