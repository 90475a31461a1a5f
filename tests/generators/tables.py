"""A combination as a file: its bytes, how molmeta is told to read it, and what must come of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.generators import cells, headers, layout, vocabulary
from tests.generators.choices import Combination
from tests.generators.meaning import Expected, Interval, Row, Rule, interval
from tests.generators.molecules import NANOMOLAR, SMILES
from tests.generators.vocabulary import MOLAR

Columns = list[tuple[str, list[str]]]


@dataclass
class Sheet:
    """A table before it is written.

    Attributes:
        columns: Names and cells, the SMILES first.
        told: What `molmeta.assays.Columns` is told.
        expected: What must come of it.
        name: The file's name.
        above, below: Lines of the file around the table.
    """

    columns: Columns
    told: dict[str, str]
    expected: Expected
    name: str = "table.csv"
    above: list[list[str]] = field(default_factory=list)
    style: str = ""


def value_sheet(c: Combination) -> Sheet:
    """One row a measurement, with values."""
    scale, name = headers.scale(c), headers.header(c)
    smiles, picked = SMILES, picks(c)
    rows: list[Row] = []
    texts, relations, units = [], [], []
    for i, nanomolar in enumerate(NANOMOLAR):
        unit = row_unit(c, scale.unit, i)
        own = scale if scale.percent else replace(scale, unit=unit)
        text, ends = cells.number(c, own.number(nanomolar, smiles[i]))
        sign = picked.signs.get(i, "=")
        falls = own.falls
        scores = sorted(
            own.score(end, smiles[i]) for end in ends if end > 0 or own.log or own.percent
        )
        truths = _truths(c, scores, sign, falls, own.rounded or c["notation"] == "three decimals")
        texts.append(_in_cell(c, text, sign, unit))
        relations.append(spelled(c, sign) if c["relation"] != "cells" else "")
        units.append(unit)
        may_drop = _may_drop(c, sign, len(set(ends)) > 1, unit)
        if i in picked.blanks:
            texts[-1] = picked.blanks[i]
            # Where no column is named, the other form of the value may be read.
            either = c["relation"] in layout.SIDES and c["value_named"] == "no"
            truths, may_drop = (truths, True) if either else ((), may_drop)
        if c["unit_place"] in ("blank units", "strange units") and i in picked.others:
            units[-1] = "" if c["unit_place"] == "blank units" else picked.strange
            # A negative logarithm is a pXC50 where no unit says otherwise.
            keeps = scale.percent or (scale.log == "negative" and MOLAR.get(scale.unit) == 1e9)
            keeps = keeps and units[-1] in ("", "none")
            keeps |= c["relation"] in layout.SIDES and c["value_named"] == "no"
            truths, may_drop = (truths, True) if keeps else ((), may_drop)
        if c["type_place"] == "mixed column" and i in picked.others:
            truths = ()  # of another type than its assay
        rows.append(Row(smiles[i], assay_of(c, i), i, i, truths, may_drop=may_drop))
    columns = layout.arrange(c, name, texts, relations, units, scale)
    if c["type_place"] != "header":
        is_ki = c["quantity"].casefold().replace("_", "").replace(" ", "") == "ki"
        other = "IC50" if is_ki else "Ki"
        strangers = picked.others if c["type_place"] == "mixed column" else ()
        kinds = [
            headers.type_name(c, other if i in strangers else c["quantity"]) for i in range(20)
        ]
        columns.insert(0, (c.random("type").choice(["type", "Standard Type", "endpoint"]), kinds))
    told = _told(c, name, layout.chosen_value(c, name))
    expected = Expected(rows, rules(c, scale))
    return Sheet([("SMILES", list(smiles)), *columns], told, expected)


@dataclass(frozen=True)
class Picks:
    """Which rows are blank, censored, or measured in another unit."""

    blanks: dict[int, str]
    signs: dict[int, str]
    others: frozenset[int]
    strange: str


def picks(c: Combination) -> Picks:
    """Chosen by the seed alone, so that they stay when a combination is made smaller."""
    chance = c.random("picks")
    order = list(range(20))
    chance.shuffle(order)
    n = {"none": 0, "some": 3, "most": 12}[c["n_blank"]]
    signs = {i: chance.choice(vocabulary.SIGNS) for i in order[14:]}
    if c["relation"] == "none":
        signs = {}
    strange = chance.choice(["%", "hr", "U/mL", "fold", "ug/cm2", "degC", "?", "none", "mL/min/kg"])
    word = c["blank"]
    if word in ("0", "0.0", "-1", "-999") and (c["log"] or headers.is_percent(c)):
        word = "NA"  # these are values, there
    return Picks(dict.fromkeys(order[:n], word), signs, frozenset(order[12:14]), strange)


def row_unit(c: Combination, unit: str, i: int) -> str:
    """The unit of one row."""
    if headers.is_percent(c):
        return "%"
    if c["unit_place"] in ("mixed column", "mixed cells"):
        return ("nM", "uM", "µM", "mM", "nM")[c.random(f"unit {i}").randrange(5)]
    return unit


def spelled(c: Combination, sign: str) -> str:
    """A relation as this hand writes it."""
    return vocabulary.RELATIONS[c["relation_words"]][vocabulary.SIGNS.index(sign)]


def _in_cell(c: Combination, text: str, sign: str, unit: str) -> str:
    if c["unit_place"] in ("cells", "mixed cells", "header and cells") and not c["log"]:
        text = f"{text} {unit}"
    elif c["unit_place"] == "cells close" and not c["log"]:
        text = f"{text}{unit}"
    if c["relation"] == "cell after number" and sign != "=":
        return f"{text} {spelled(c, sign)}"
    if c["relation"] in ("cells", "conflict") and sign != "=":
        between = " " if c.random("space").random() < 0.5 or spelled(c, sign)[-1].isalpha() else ""
        return f"{spelled(c, sign)}{between}{text}"
    return text


def _truths(
    c: Combination, scores: list[float], sign: str, falls: bool, rounded: bool
) -> tuple[Interval, ...]:
    if not scores:
        return ()
    if len(scores) > 1 and scores[0] != scores[1]:
        if sign in ("=", "~"):
            return (Interval(scores[0], scores[-1], rounded=rounded),)
        ends = [interval(score, sign, falls=falls, rounded=True) for score in scores]
        return (Interval(min(e.low for e in ends), max(e.high for e in ends), rounded=True),)
    exact = interval(scores[0], "=", falls=falls, rounded=rounded)
    as_said = interval(scores[0], sign, falls=falls, rounded=rounded)
    other = interval(scores[0], sign, falls=not falls, rounded=rounded)
    layouts: dict[str, Callable[[], tuple[Interval, ...]]] = {
        "named for another": lambda: (exact,) if c["relation_flag"] == "no" else (as_said,),
        "side before": lambda: _beside(c, "IC50", as_said, other),
        "side between": lambda: (as_said, other),
        "side after": lambda: (as_said, other),
    }
    return layouts.get(c["relation"], lambda: (as_said,))()


def _beside(c: Combination, where: str, as_said: Interval, other: Interval) -> tuple[Interval, ...]:
    """A relation beside the concentration is that of the concentration, unless one is told."""
    if not layout.takes_logarithm(c):
        return (as_said,)
    return (other, as_said) if c["relation_flag"] == "yes" else (other,)


def _may_drop(c: Combination, sign: str, is_range: bool, unit: str) -> bool:
    odd_sign = sign != "=" and (c["relation_words"] not in ("ascii", "blank") or sign == "~")
    odd_sign |= c["relation_words"] not in ("ascii", "blank", "quoted") and c["relation"] != "none"
    odd_sign |= sign != "=" and c["relation"] in ("conflict", "cell after number")
    odd_sign |= c["relation"] in ("named for another", "side between", "side after")
    in_cell = c["unit_place"] in ("cells", "cells close", "mixed cells", "header and cells")
    return odd_sign or is_range or not cells.is_plain(c) or in_cell or "mixed" in c["unit_place"]


def assay_of(c: Combination, i: int) -> frozenset[str]:
    """The assay's id: of a column, else of the file."""
    if c["shape"] == "assays":
        return frozenset({("A1", "B 2")[i % 2]})
    return frozenset({"table"})


def _told(c: Combination, name: str, chosen: str) -> dict[str, str]:
    told: dict[str, str] = {}
    if c["threshold"] != "none":
        told["threshold"] = c["threshold"]
    if c["direction"]:
        told["direction"] = c["direction"]
    if c["value_named"] == "yes":
        told["value_column"] = chosen
    if c["relation_flag"] == "yes" and (relation := layout.relation_name(c, name)) is not None:
        told["relation_column"] = relation
    if (c["decimal"] == "," or c["thousands"] == ",") and c.random("decimal").random() < 0.4:
        told["decimal"] = "comma" if c["decimal"] == "," else "point"
    place = c["unit_place"]
    if not headers.is_percent(c) and place in ("flag", "flag against header"):
        told["units"] = c["unit"]
    elif not headers.is_percent(c) and place == "pX flag":
        told["units"] = "pXC50"
    elif place == "flag column":
        told["units"] = "Einheit"
    return told


def rules(c: Combination, scale: headers.Scale) -> list[Rule]:
    """How the values become labels, as asked for."""
    up = scale.up if scale.percent else True
    if c["direction"]:
        rises = scale.percent or scale.log == "negative"
        up = (c["direction"] == "higher") == rises
    asked: float | str | None = c["threshold"]
    if asked == "none":
        return [Rule(None, up)]
    if asked in ("median", "nan"):
        return [Rule(asked if asked == "median" else None, up)]
    wanted = {"1 uM": 6.0, "6,5": 6.5}.get(str(asked)) or float(str(asked))
    if not scale.percent and str(asked) in ("1000", "100", "50"):
        # Nobody means a pXC50 of 1000; a concentration, if anything.
        wanted = scale.score(wanted, SMILES[0]) if not scale.log else 9 - math.log10(wanted)
    return [Rule(wanted, up)]
