"""What a row says about activity, and so which labels it may get."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

DROP = "dropped"
_CLOSE = 2e-3  # what rounding to a few digits may move a score by


@dataclass(frozen=True)
class Interval:
    """Where the truth lies on the scale of activity (pXC50, or per cent).

    Attributes:
        low, high: Its ends; equal where the value is exact.
        low_open, high_open: Whether an end is left out.
        rounded: Whether the number was rounded when it was written.
    """

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False
    rounded: bool = False

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.high_open, self.low_open, self.rounded)

    def labels(self, threshold: float) -> set[object]:
        """What may become of it where active is what lies above the threshold."""
        slack = _CLOSE if self.rounded else 1e-9
        if self.low == self.high:
            if self.rounded and abs(self.low - threshold) < slack:
                return {0, 1}
            return {int(self.low > threshold + 1e-9)}
        allowed: set[object] = set()
        if self.low > threshold - slack:
            allowed.add(1)
        if self.high <= threshold + slack:
            allowed.add(0)
        if not allowed or abs(self.low - threshold) < slack or abs(self.high - threshold) < slack:
            allowed.add(DROP)
        return allowed


def interval(score: float, sign: str, *, falls: bool, rounded: bool) -> Interval:
    """The truth where a written number comes with a relation.

    Args:
        score: Of the number on the scale of activity.
        sign: One of vocabulary.SIGNS.
        falls: Whether activity falls where the number rises.
        rounded: Whether the number was rounded.
    """
    if sign in ("=", "~"):
        return Interval(score, score, rounded=rounded)
    above = (sign[0] == ">") != falls
    is_open = len(sign) == 1
    if above:
        return Interval(score, math.inf, is_open, True, rounded)
    return Interval(-math.inf, score, True, is_open, rounded)


@dataclass(frozen=True)
class Row:
    """A row of a table, or a cell of a wide one.

    Attributes:
        smiles: As written.
        assay: The ids that its assay may have.
        truths: What it says, one for each way to understand the table; none: nothing at all.
        label: Its label where the table gives labels, not values.
        may_drop: Whether it is written so that leaving it out, with a reason, is as good.
        number: Of the row in the table.
        molecule: Which of the twenty.
    """

    smiles: str
    assay: frozenset[str]
    number: int
    molecule: int
    truths: tuple[Interval, ...] = ()
    label: int | None = None
    may_drop: bool = False


@dataclass(frozen=True)
class Rule:
    """How values become labels.

    Attributes:
        threshold: A number, "median", "fsmol" (for targets that are no enzymes), or None.
        up: Whether more is more active.
        percent: Whether of a percentage.
    """

    threshold: float | str | None
    up: bool = True
    percent: bool = False


@dataclass
class Expected:
    """What a file must come to.

    Attributes:
        rows: In the order of the file.
        rules: The ways to understand what is asked for; each goes with each way to read the rows.
        junk: Texts that may stand in the SMILES column of rows that are no measurements.
        must_read: Whether a refusal is wrong.
        words: A refusal's message has one of these.
        free_names: Whether the assay's name is not known.
    """

    rows: list[Row]
    rules: list[Rule] = field(default_factory=list)
    junk: frozenset[str] = frozenset()
    must_read: bool = False
    words: frozenset[str] = frozenset()
    free_names: bool = False
