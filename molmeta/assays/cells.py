"""Cells of a value column: a relation, a number and a unit, as people and machines write them."""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.measurement import ERRORS, MISSING, as_text
from molmeta.assays.relations import UNKNOWN, canonical
from molmeta.assays.units import PERCENT, Unit
from molmeta.errors import InputError

POINT, COMMA = "point", "comma"

_NUMBER = r"[-+]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][-+]?\d+)?"
_CELL = re.compile(rf"^(?P<relation>.*?)(?P<number>{_NUMBER})(?P<rest>.*)$")
_ERROR = re.compile(rf"[(\[]?\s*(?:±|\+/-|\+-)\s*{_NUMBER}\s*[)\]]?")
_COUNT = re.compile(r"\(\s*n\s*=\s*\d+\s*\)", re.IGNORECASE)
_RANGE = re.compile(rf"^\s*(?:-|–|to|\.\.+)\s*{_NUMBER}\s*\D*$")
_GROUPED = re.compile(r"^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?(?:[eE][-+]?\d+)?$")
_THOUSANDS = re.compile(r"^[-+]?[1-9]\d{0,2}(?:\.\d{3})+$")
_GROUPING_POINTS = "points that group thousands"  # a decimal comma that no number needs
_QUOTES = " \t'\"`’‘“”"


@dataclass(frozen=True)
class Values:
    """The cells of a value column, n of them.

    Attributes:
        value: The numbers, NaN where there is none, (n,).
        relation: As `relations.canonical` writes it, "" where none, (n,).
        unit: The unit that the cell itself names, "" where none, (n,).
        reason: Why a cell that is not blank gives no value, "" where it does, (n,).
    """

    value: NDArray[np.float64]
    relation: NDArray[np.object_]
    unit: NDArray[np.object_]
    reason: NDArray[np.object_]


def read_values(cells: pd.Series, decimal: str | None = None) -> Values:
    """Read measured values such as `12`, `>10`, `0.42 uM`, `≤ 3,5`, `10 ± 2`, `~3 (n=2)`.

    Ranges, words and numbers whose comma could be either mark give no value but a reason.

    Args:
        cells: The cells of one column, shape (n,).
        decimal: What a comma is: "comma" for the decimal mark, "point" for a thousands mark;
            None: not known, and numbers with commas are not read. Where "comma" is said and no
            number has one, points group thousands: 1.200 is 1200.
    """
    n = len(cells)
    relation, unit, reason = (np.full(n, "", dtype=object) for _ in range(3))
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        value = cells.to_numpy(np.float64, na_value=np.nan)
        infinite = np.isinf(value)
        reason[infinite] = "value is no number: infinite"
        return Values(np.where(infinite, np.nan, value), relation, unit, reason)
    text = as_text(cells)
    value = np.array(pd.to_numeric(text, errors="coerce"), dtype=np.float64)
    value[np.isinf(value)] = np.nan
    if decimal == COMMA:  # there a point is no decimal mark
        decimal = COMMA if text.str.contains(",", regex=False).any() else _GROUPING_POINTS
        value[text.str.contains(".", regex=False).to_numpy()] = np.nan
    blank = text.str.casefold().isin(MISSING - ERRORS).to_numpy()
    odd = np.flatnonzero(np.isnan(value) & ~blank)
    read: dict[str, tuple[float, str, str, str]] = {}
    for i in odd.tolist():
        cell = str(text.iat[i])
        if cell not in read:
            read[cell] = _read(cell, decimal)
        value[i], relation[i], unit[i], reason[i] = read[cell]
    return Values(value, relation, unit, reason)


def _read(cell: str, decimal: str | None) -> tuple[float, str, str, str]:
    """A cell's number, relation, unit and reason."""

    def none(reason: str) -> tuple[float, str, str, str]:
        return np.nan, "", "", reason

    text = unicodedata.normalize("NFKC", cell).replace("−", "-")
    parts = _CELL.match(text.replace("&gt;", ">").replace("&lt;", "<"))
    if parts is None:
        return none(f"value is no number: {cell}")
    relation = canonical(parts["relation"])
    rest = _COUNT.sub(" ", _ERROR.sub(" ", parts["rest"])).strip(_QUOTES)
    if _RANGE.match(rest):
        return none(f"value is a range: {cell}")
    if relation == UNKNOWN or (rest and not _is_unit(rest)):
        return none(f"value is no number: {cell}")
    number = _number(parts["number"], decimal)
    if isinstance(number, str):
        return none(f"{number}: {cell}")
    return number, relation, rest.strip("()[]"), ""


def _is_unit(text: str) -> bool:
    unit = Unit.parse(text.strip("()[]"))
    return unit.is_concentration or unit.kind == PERCENT


def _number(text: str, decimal: str | None) -> float | str:
    """The number, or why it cannot be read."""
    if decimal == _GROUPING_POINTS:
        if "." in text and not _THOUSANDS.match(text):
            return "value with a point that groups no thousands"
        text = text.replace(".", "")
    elif decimal == COMMA:
        if "." in text:
            grouped = _GROUPED.match(text.translate(str.maketrans(",.", ".,")))
            if not grouped or ("," not in text and text.count(".") == 1):
                return "value with a point where others have a decimal comma"
        text = text.replace(".", "").replace(",", ".")
    elif "," in text:
        if decimal is None:
            return "value with a comma that could be either mark (--decimal says which)"
        if not _GROUPED.match(text):
            return "value with a comma that groups no thousands"
        text = text.replace(",", "")
    try:
        number = float(text)
    except ValueError:
        return "value is no number"
    return number if np.isfinite(number) else "value is no number"


def decimal_mark(cells: pd.Series, wanted: str | None, where: str, *, small: bool) -> str | None:
    """Find what a comma in a column's numbers is: "comma", "point" (it groups thousands), or None.

    Told by the numbers themselves: `7,92` and `0,125` hold a decimal comma, `1,234,567` and
    `1,234.5` groups of thousands. None where no number has a comma, and the points are decimal
    marks: not if there are several such as `1.200` and no others.

    Args:
        cells: The first cells of the column.
        wanted: What the user says.
        where: File and column, for the message.
        small: Whether thousands are out of the question, as among logarithms.

    Raises:
        InputError: If all commas or points could be either, or some commas can only be one and
            some only the other.
    """
    if wanted is not None:
        return wanted
    if pd.api.types.is_numeric_dtype(cells):
        return None
    if not small and _points_group(cells, where):
        return COMMA
    comma: str | None = None
    group: str | None = None
    either: str | None = None
    for cell in as_text(cells).unique():
        parts = _CELL.match(str(cell))
        number = parts["number"] if parts else ""
        if "," not in number or (parts and canonical(parts["relation"]) == UNKNOWN):
            continue
        if small or not _GROUPED.match(number) or re.match(r"^[-+]?0+,", number):
            comma = comma or cell
        elif "." in number or number.count(",") > 1:
            group = group or cell
        else:
            either = either or cell
    if comma and not group:
        return COMMA
    if group and not comma:
        return POINT
    if not (comma or group or either):
        return None
    raise InputError.of(
        where,
        got=repr(either or comma) if not (comma and group) else f"{comma!r} and {group!r}",
        expected="commas that are all decimal marks, or all group thousands",
        fix="Say which with --decimal comma or --decimal point.",
    )


def _points_group(cells: pd.Series, where: str) -> bool:
    """Tell whether the points of all numbers group thousands, as in `1.200.000`.

    Raises:
        InputError: If they could, as in `1.200` and `15.000`, and no other number tells.
    """
    found = filter(None, map(_CELL.match, as_text(cells)))
    numbers = [one["number"] for one in found if canonical(one["relation"]) != UNKNOWN]
    marked = [number for number in numbers if "." in number or "," in number]
    if len(marked) < 2 or not all(map(_THOUSANDS.match, marked)):
        return False
    if any(number.count(".") > 1 for number in marked):
        return True
    raise InputError.of(
        where,
        got=f"points that could all group thousands, as in {marked[0]!r} and {marked[1]!r}",
        expected="to know what they are",
        fix=f"Say --decimal point if {marked[0]} is {float(marked[0]):g}, or --decimal comma if it "
        f"is {marked[0].replace('.', '')}.",
    )
