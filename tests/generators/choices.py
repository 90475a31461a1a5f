"""The dimensions of a table, a draw from them, and the smallest part of a draw that fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.generators import vocabulary


@dataclass(frozen=True)
class Combination:
    """A choice in every dimension; `seed` decides what else is drawn, such as the blank rows."""

    seed: int
    chosen: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """The choice in a dimension."""
        return self.chosen.get(name, vocabulary.DIMENSIONS[name].plain[0])

    def random(self, purpose: str) -> random.Random:
        """Chance that does not depend on what else is drawn."""
        return random.Random(f"{self.seed} {purpose}")

    @property
    def unusual(self) -> dict[str, str]:
        """What differs from the default."""
        return {
            name: choice
            for name, choice in self.chosen.items()
            if choice != vocabulary.DIMENSIONS[name].plain[0]
        }

    @property
    def odd(self) -> list[str]:
        """The dimensions with a choice that is not plain."""
        return [
            name
            for name, choice in self.chosen.items()
            if choice not in vocabulary.DIMENSIONS[name].plain
        ]

    def without(self, name: str) -> Combination:
        """The same with the default in a dimension."""
        return replace(self, chosen={k: v for k, v in self.chosen.items() if k != name})


def draw(seed: int) -> Combination:
    """A combination: a few dimensions odd, in some draws many, in one of five none."""
    chance = random.Random(seed)
    dimensions = vocabulary.DIMENSIONS
    chosen = {name: chance.choice(each.plain) for name, each in dimensions.items()}
    can_be_odd = [name for name, each in dimensions.items() if each.odd]
    n_odd = chance.choice([0, 1, 1, 2, 2, 3, 3, 4, 6, 10])
    for name in chance.sample(can_be_odd, n_odd):
        chosen[name] = chance.choice(dimensions[name].odd)
    if chosen["log"] == "p" and chosen["unit_place"] in dimensions["unit_place"].plain:
        # As it is mostly written: pIC50, or pIC50 (M).
        chosen |= chance.choice([{"unit_place": "none"}, {"unit": "M"}, {}])
    if chosen["log"] == "p":
        # Nobody writes "pinhibitory conc." or "IC50 p".
        short = len(chosen["quantity"]) < 6 and " " not in chosen["quantity"]
        chosen["quantity"] = chosen["quantity"] if short else "IC50"
        if chosen["log_place"] in ("after", "inside", "nested", "nested square"):
            chosen["log_place"] = "before"
    if chosen["relation_words"] in ("above", "more", "nonsense", "mistyped"):
        chosen["relation_name"] = "relation"  # what else would tell that these are relations?
        if chosen["relation"] == "unnamed":
            chosen["relation"] = "column"
    if chosen["thousands"] == ".":
        chosen["decimal"] = ","  # else 3.100 is a bit more than three
    if chosen["thousands"] == chosen["decimal"] == ",":
        chosen["decimal"] = "."  # one mark for both is nobody's hand
    percent = chosen["quantity"] in (*vocabulary.HIGHER, *vocabulary.LOWER)
    if percent and chosen["relation"].startswith("side"):
        chosen["relation"] = "column"  # a percentage has no logarithm beside it
    if chosen["relation"] == "named for another":
        chosen["value_named"] = "yes"  # else the other, which a relation is named for, may be meant
    if chosen["type_place"] == "mixed column" and chosen["n_blank"] == "most":
        chosen["n_blank"] = "some"  # the rarer type could be the one that is left
    if percent and chosen["relation_words"] == "nonsense":
        chosen["relation_words"] = "mistyped"  # behind a percentage, % is no nonsense
    return Combination(seed, chosen)


def smallest(combination: Combination, fails: Callable[[Combination], bool]) -> Combination:
    """A failing combination of which no dimension can be set back to its default."""
    again = True
    while again:
        again = False
        for name in combination.unusual:
            simpler = combination.without(name)
            if fails(simpler):
                combination, again = simpler, True
    return combination
