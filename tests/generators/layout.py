"""Where the value, its relation and its unit stand among the columns."""

from __future__ import annotations

import math

from tests.generators import headers, molecules
from tests.generators.choices import Combination

SIDES = ("side before", "side between", "side after")


def relation_name(c: Combination, value: str) -> str | None:
    """The name of the relation's column; None where there is none."""
    if c["relation"] in ("none", "cells", "cell after number"):
        return None
    if c["relation"] == "unnamed":
        return "col3"
    if c["relation"] == "named for it":
        return f"{value} {c['relation_name']}"
    if c["relation"] == "named for another":
        return f"Kd {c['relation_name']}"
    return c["relation_name"]


def takes_logarithm(c: Combination) -> bool:
    """Of a concentration and its logarithm side by side: whether the logarithm is the value."""
    return c["relation"] in SIDES and headers.scale(c).log == "negative"


def chosen_value(c: Combination, name: str) -> str:
    """The column that --value-column names."""
    return name


def arrange(
    c: Combination,
    name: str,
    texts: list[str],
    relations: list[str],
    units: list[str],
    scale: headers.Scale,
) -> list[tuple[str, list[str]]]:
    """The columns beside the SMILES."""
    value = (name, texts)
    relation = (relation_name(c, name) or "", relations)
    around = {
        "column": [relation, value],
        "conflict": [(relation[0], ["="] * len(texts)), value],
        "after": [value, relation],
        "unnamed": [relation, value],
        "named for it": [relation, value],
        "named for another": [value, relation, ("Kd (nM)", _others())],
        "elsewhere": [value, ("batch", [f"B{i}" for i in range(len(texts))]), relation],
        "unit between": [relation, ("place", ["x"] * len(texts)), value],
    }
    columns = around.get(c["relation"], [value])
    if c["relation"] in SIDES:
        columns = _side_by_side(c, value, relation, texts, scale)
    unit_name = unit_column(c)
    if unit_name is not None:
        at = columns.index(value) + 1
        columns = [*columns[:at], (unit_name, units), *columns[at:]]
    return columns


def unit_column(c: Combination) -> str | None:
    """The name of the unit's column; None where there is none."""
    place = c["unit_place"]
    if place in ("column", "mixed column", "blank units", "strange units"):
        return c.random("unit column").choice(["units", "unit", "standard_units", "Units"])
    return {"unnamed column": "Einheit", "flag column": "Einheit"}.get(place)


def _side_by_side(
    c: Combination,
    value: tuple[str, list[str]],
    relation: tuple[str, list[str]],
    texts: list[str],
    scale: headers.Scale,
) -> list[tuple[str, list[str]]]:
    """The value and its other form: pIC50 beside IC50, IC50 beside pIC50."""
    if takes_logarithm(c):
        concentration = ("IC50 (nM)", [f"{x:.6g}" for x in molecules.NANOMOLAR])
        logarithm = value
    else:
        concentration = value
        logarithm = ("pIC50", [f"{9 - math.log10(x):.3f}" for x in molecules.NANOMOLAR])
    return {
        "side before": [relation, concentration, logarithm],
        "side between": [concentration, relation, logarithm],
        "side after": [concentration, logarithm, relation],
    }[c["relation"]]


def _others() -> list[str]:
    return [f"{x:.6g}" for x in molecules.NANOMOLAR[::-1]]
