"""The name of a value column, and what the numbers below it mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.generators import molecules
from tests.generators.choices import Combination
from tests.generators.vocabulary import HIGHER, LOWER, MASS, MOLAR, NATURAL_LOGS, NEGATIVE_LOGS


@dataclass(frozen=True)
class Scale:
    """How a number is written.

    Attributes:
        percent: A percentage, not a concentration.
        up: Whether more of the percentage is more active.
        log: "", "negative", "log10" or "ln".
        unit: Of the concentration, whose logarithm it may be; a key of MOLAR or MASS.
    """

    percent: bool = False
    up: bool = True
    log: str = ""
    unit: str = "nM"

    @property
    def falls(self) -> bool:
        """Whether activity falls where the number rises, for concentrations."""
        return not self.percent and self.log != "negative"

    @property
    def rounded(self) -> bool:
        """Whether six digits lose something that matters at a threshold."""
        return self.log in ("ln",) or self.unit in MASS

    def number(self, nanomolar: float, smiles: str) -> float:
        """The number that is written for a concentration."""
        if self.percent:
            inhibition = round(molecules.inhibition(nanomolar), 2)
            return inhibition if self.up else round(100 - inhibition, 2)
        amount = self.in_unit(nanomolar, smiles)
        if not self.log:
            return amount
        if self.log == "ln":
            return math.log(amount)
        return math.log10(amount) * (-1 if self.log == "negative" else 1)

    def in_unit(self, nanomolar: float, smiles: str) -> float:
        """A concentration in the unit."""
        if self.unit in MASS:
            return nanomolar * 1e-9 * molecules.weight(smiles) / MASS[self.unit]
        return nanomolar / MOLAR[self.unit]

    def score(self, number: float, smiles: str) -> float:
        """Activity as a written number says: pXC50, or the percentage."""
        if self.percent:
            return number
        if self.log == "ln":
            in_unit = number / math.log(10)
        elif self.log:
            in_unit = -number if self.log == "negative" else number
        else:
            in_unit = math.log10(number)
        if self.unit in MASS:
            factor = MASS[self.unit] / molecules.weight(smiles) * 1e9
        else:
            factor = MOLAR[self.unit]
        return 9 - in_unit - math.log10(factor)


def is_percent(combination: Combination) -> bool:
    """Whether the quantity is a percentage."""
    return combination["quantity"] in (*HIGHER, *LOWER)


def scale(combination: Combination) -> Scale:
    """What the numbers mean; where the name leaves it open, one of the meanings."""
    quantity, log, unit = combination["quantity"], combination["log"], combination["unit"]
    if is_percent(combination):
        return Scale(percent=True, up=quantity in HIGHER)
    chance = combination.random("meaning")
    # Beside a logarithm nobody writes the unit into each cell.
    unsaid = ("none", "cells", "cells close") if log else ("none",)
    stated = combination["unit_place"] not in unsaid
    kind = (
        "negative"
        if log in NEGATIVE_LOGS
        else "ln"
        if log in NATURAL_LOGS
        else "log10"
        if log
        else ""
    )
    if combination["unit_place"] == "pX flag":
        return Scale(log="negative", unit="M")
    if kind == "negative":
        if not stated or (log == "p" and chance.random() < 0.75):
            unit = "M"  # a pIC50 is one, whatever stands behind it
        elif log != "p" and chance.random() < 0.4:
            unit = "M"
    elif not stated:
        unit = chance.choice(["nM", "uM", "M"] if kind else ["nM", "uM"])
    return Scale(log=kind, unit=unit)


def clear(combination: Combination) -> bool:
    """Whether the name and the unit, if each is well-formed, leave no doubt."""
    if is_percent(combination):
        return combination["quantity"] in HIGHER
    log, unit, place = combination["log"], combination["unit"], combination["unit_place"]
    if log == "p":
        return place == "none" or (unit == "M" and place != "flag")
    if place == "none":
        return False
    return not log or (unit not in MASS and (log != "-log10" or unit == "M"))


def header(combination: Combination) -> str:
    """The column's name."""
    c, chance = combination, combination.random("header")
    name = c["quantity"]
    if c["type_place"] in ("column", "mixed column"):
        name = chance.choice(["value", "Value", "Result", "standard_value", "measured"])
        return name if is_percent(c) else _with_unit(c, name)
    dose, statistic, target = c["dose"], c["statistic"], c["target"]
    late = chance.random() < 0.5  # whether dose and statistic stand behind the unit
    if not is_percent(c):
        name = _with_log(c, name)
    parts = [(_with_statistic, statistic), (_with_dose, dose)]
    for add, word in parts if not late else []:
        name = add(name, word, chance.random() < 0.5)
    if not is_percent(c) and not _names_unit(c):
        name = _with_unit(c, name)
    for add, word in parts if late else []:
        name = add(name, word, chance.random() < 0.5)
    return target + name


def type_name(c: Combination, quantity: str) -> str:
    """What a column of types says: a quantity with its logarithm."""
    return quantity if is_percent(c) else _with_log(c.without("log_place"), quantity)


def _names_unit(c: Combination) -> bool:
    """Whether the logarithm and the unit stand in one pair of brackets."""
    within = c["unit_place"] in ("brackets", "square", "space", "comma", "slash", "in")
    places = ("inside", "slash", "nested", "nested square")
    return bool(c["log"]) and c["log_place"] in places and within


def _with_log(c: Combination, name: str) -> str:
    log, place, unit = c["log"], c["log_place"], c["unit"]
    if not log:
        return name
    if not _names_unit(c) and place in ("inside", "slash", "nested", "nested square"):
        place = "call"
    if place == "nested":
        return f"{log}({name} ({unit}))"
    if place == "nested square":
        return f"{log}({name} [{unit}])"
    if place == "bare":
        return f"{log}{name}"
    if place == "inside":
        return f"{name} ({log} {unit})"
    if place == "slash":
        return f"{log}({name}/{unit})"
    if place == "after":
        return f"{name} {log}"
    if place in ("call", "square"):
        return f"{log}({name})" if place == "call" else f"{log}[{name}]"
    return f"{log}{name}" if log == "p" else f"{log} {name}"


def _with_unit(c: Combination, name: str) -> str:
    unit, place = c["unit"], c["unit_place"]
    if place == "flag against header" or (place == "header and cells" and not c["log"]):
        unit = "mM" if unit != "mM" else "nM"
    forms = {
        "brackets": f"{name} ({unit})",
        "square": f"{name} [{unit}]",
        "curly": f"{name} {{{unit}}}",
        "underscore": f"{name}_{unit}",
        "space": f"{name} {unit}",
        "tight": f"{name}({unit})",
        "tight square": f"{name}[{unit}]",
        "glued": f"{name}{unit}",
        "dash": f"{name} - {unit}",
        "dot": f"{name}.{unit}",
        "unit first": f"({unit}) {name}",
        "comma": f"{name}, {unit}",
        "colon": f"{name}: {unit}",
        "slash": f"{name}/{unit}",
        "in": f"{name} in {unit}",
        "front": f"{unit} {name}",
        "header and cells": f"{name} ({unit})",
        "flag against header": f"{name} ({unit})",
    }
    return forms.get(place, name)


def _with_dose(name: str, dose: str, before: bool) -> str:
    if dose.endswith(("_", " ")):
        return dose + name
    return name + dose if dose.startswith(("_", ",")) else f"{name} {dose}" if dose else name


def _with_statistic(name: str, statistic: str, before: bool) -> str:
    if statistic.startswith("_"):
        return name + statistic
    if not statistic:
        return name
    return f"{statistic} {name}" if before else f"{name} {statistic}"
