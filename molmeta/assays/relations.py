"""Relations of measured values (`=`, `>`, `<` …), whatever their spelling."""

import html
import unicodedata

import pandas as pd

SIGNS = {">": 1, ">=": 1, "<": -1, "<=": -1}
"""Where the truth may lie, seen from the value."""

UNKNOWN = "unknown"
"""Stands for a spelling that is none: its row is dropped, never taken for `=`."""

_SPELLINGS = {
    ">": ("> >> >>> gt >~ ~> greaterthan greater morethan more above over higherthan "
          "largerthan"),
    ">=": ">= => ≥ ≧ ⩾ ≥≥ >/= >=~ ~>= ge gte atleast notlessthan nolessthan "
          "greaterthanorequal greaterthanorequalto greaterorequal greaterthanorequals",
    "<": "< << <<< lt <~ ~< lessthan less below under lowerthan smallerthan",
    "<=": "<= =< ≤ ≦ ⩽ </= <=~ ~<= le lte atmost upto notmorethan nomorethan "
          "lessthanorequal lessthanorequalto lessorequal lessthanorequals",
    "=": "= == === eq equal equals equalto exactly exact",
    "~": "~ ~~ ≈ ≅ ≃ ∼ ~= =~ ca ca. c. circa approx approx. approximately about around "
         "approximatelyequal approximatelyequalto",
    "": "na n/a #n/a nan none null - – —",
}  # fmt: skip
_CANONICAL = {"": ""} | {word: sign for sign, text in _SPELLINGS.items() for word in text.split()}
# What NFKC makes of full-width signs is `>` and `<` already.
_DROPPED = str.maketrans("", "", " \t\u00a0'\"`’‘“”()[]:")


def canonical(text: str) -> str:
    """One spelling of a relation: `>`, `>=`, `<`, `<=`, `=`, `~`; "" where blank; else `UNKNOWN`.

    >>> canonical("≥"), canonical("'='"), canonical("&gt;"), canonical("greater than")
    ('>=', '=', '>', '>')
    >>> canonical("see note")
    'unknown'
    """
    word = unicodedata.normalize("NFKC", html.unescape(text)).casefold().translate(_DROPPED)
    return _CANONICAL.get(word.replace("_", ""), UNKNOWN)


def normalise(cells: pd.Series) -> pd.Series:
    """Each cell's canonical relation."""
    return cells.map({word: canonical(str(word)) for word in cells.unique()}).astype(object)


def turned(relations: pd.Series) -> pd.Series:
    """Relations of a falling function of the value: `>` of an IC50 is `<` of its pIC50."""
    return relations.replace({">": "<", ">=": "<=", "<": ">", "<=": ">="})


def looks_like_relations(cells: pd.Series) -> bool:
    """Tell whether nine in ten cells that are not blank are relations.

    Half are enough where these, or all others, are signs and not words.
    """
    signs = normalise(cells)
    signs = signs[signs != ""]
    known = signs != UNKNOWN
    if not known.any():
        return False
    share, are_signs = float(known.mean()), cells[signs.index].str.fullmatch(r"[^\w\s]+")
    of_signs = bool(are_signs[known].all()) or bool(are_signs[~known].all())
    return share >= 0.9 or (share >= 0.5 and of_signs)


def may_censor(cells: pd.Series) -> bool:
    """Tell whether a cell is `>`, `<` or the like, or a relation that is not known."""
    return bool(normalise(cells).isin({*SIGNS, UNKNOWN}).any())
