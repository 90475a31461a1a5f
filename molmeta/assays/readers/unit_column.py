"""The unit of a value column: in its name, in --units, or in a column of its own."""

from collections.abc import Sequence

from molmeta.assays.columns import listed, words_of
from molmeta.assays.measurement import MISSING, as_text
from molmeta.assays.quantity import Quantity
from molmeta.assays.readers.reading import Glance
from molmeta.assays.units import PERCENT, Unit
from molmeta.errors import InputError

_UNIT_WORDS = frozenset({"unit", "units", "uom", "einheit", "einheiten"})
_VALUE_WORDS = frozenset({"standard", "value", "values", "result", "measured", "of"})
_TESTED = frozenset(
    {"dose", "conc", "concentration", "tested", "max", "cmax", "solubility", "lloq", "loq", "lod"}
)
"""Words of what has a unit of concentration too, and is no activity."""


def unit_of(quantity: Quantity, glance: Glance, *, alone: bool) -> tuple[str, str | None]:
    """The unit of the whole column, and the column of each row's unit.

    Where the name says the unit, a column of units may only contradict it; that of a pIC50 beside
    an IC50 is the other's.

    Raises:
        InputError: If --units is neither a unit nor a column, or contradicts the name.
    """
    names, wanted = glance.names, glance.columns.units
    if wanted is not None:
        column = next((n for n in names if n == wanted), None)
        if column is None and not known_unit(wanted):
            column = next((n for n in names if n.casefold() == wanted.casefold()), None)
        if column is not None:
            return quantity.unit_with(""), column
        if not known_unit(wanted):
            raise InputError.of(
                "--units",
                got=repr(wanted),
                expected=f"nM, uM, M, ug/mL, %, pXC50, log nM …, or one of {listed(names)}",
            )
        return quantity.unit_with(wanted), None
    unit = quantity.unit_with("")
    known = _units_said_of(quantity.name, names)
    beside = known is not None and names.index(known) == names.index(quantity.name) + 1
    if unit and not (alone or beside):
        return unit, None  # its units are another column's
    if known is not None and unit:
        cells = as_text(glance.rows[known])
        filled = cells[~cells.str.casefold().isin(MISSING)]
        if 2 * filled.map(known_unit).sum() < len(filled):
            known = None  # units of something else
    return unit, known


def _units_said_of(value: str, names: Sequence[str]) -> str | None:
    """The column whose name says that it holds the units of the value, and of nothing else.

    "IC50 unit" is rather that of an IC50 than a mere "Unit", and that one not behind a dose.
    """
    found: dict[str, tuple[int, bool]] = {}
    for at, name in enumerate(names):
        words = words_of(name)
        of = "".join(word for word in words if word not in _UNIT_WORDS | _VALUE_WORDS)
        if name == value or not _UNIT_WORDS.intersection(words):
            continue
        before = names[at - 1] if at else ""
        stray = not of and before != value and _TESTED.intersection(words_of(before))
        if not stray and of in "".join(words_of(value)):
            found[name] = len(of), before == value
    return max(found, key=lambda name: found[name], default=None)


def known_unit(text: str) -> bool:
    """Tell whether a text is a unit of concentration, or %."""
    unit = Unit.parse(text)
    return unit.is_concentration or unit.kind == PERCENT
