"""Measurements: the one row type that flows from readers through curation into a store.

A measurement is a row of a frame with the columns `FIELDS`; a reader yields such frames.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.chem.molecule import MISSING_WORDS
from molmeta.errors import InputError

# file: its name; row: number in it, from 0; assay: its id ("" = none); smiles: as given;
# label: 1 active, 0 inactive, NaN unknown; value: in `unit`, NaN where none; relation: the
# censoring sign of value, in any spelling; quantity: what was measured (IC50, Ki …), "" where not
# known; target: the assay's protein or organism; reason: why the reader sets
# this row aside, "" where it does not.
FIELDS: Mapping[str, object] = {
    "file": "",
    "row": -1,
    "assay": "",
    "smiles": "",
    "label": np.float32("nan"),
    "value": np.float32("nan"),
    "relation": "",
    "unit": "",
    "quantity": "",
    "target": "",
    "reason": "",
}
UNTESTED = "tested in no assay"  # a molecule of a wide table
NO_RESULT = "formula without a result"
"""Stands for a cell whose formula was never computed."""

ERRORS = frozenset({"#n/a", "#value!", "#ref!", "#div/0!", "#num!", "#name?", "#null!", NO_RESULT})
"""Words of a spreadsheet for a cell that could not be computed, in lower case."""

MISSING = MISSING_WORDS | ERRORS | {
    "", "---", "–", "—", "nd", "n.d.", "n.d", "n/d", "not determined", "nt", "n.t.", "n.t", "n/t",
    "not tested", "untested", "not available", "blank", "empty",
}  # fmt: skip
"""Words that stand for a blank cell, in lower case."""

_ACTIVE = frozenset({"active", "yes", "true", "y", "t", "positive", "pos", "+"})
_INACTIVE = frozenset({"inactive", "no", "false", "n", "f", "negative", "neg"})
UNDECIDED = frozenset({"inconclusive", "unspecified", "undetermined", "ambiguous", "equivocal"})
"""Words of a column of labels for what was tested and is neither, in lower case."""


def measurements(columns: Mapping[str, object], index: pd.Index) -> pd.DataFrame:
    """Make a frame of measurements from the fields that a reader knows; the others are blank.

    Args:
        columns: Values by field, aligned with `index`.
        index: The row numbers in the source file.
    """
    known = {**FIELDS, "row": index.to_numpy(), **columns}
    return pd.DataFrame({name: known[name] for name in FIELDS}, index=index)


def as_text(cells: pd.Series) -> pd.Series:
    """Turn cells into text without outer blanks, "" where missing."""
    return cells.astype(object).where(cells.notna(), "").astype(str).str.strip()


def parse_labels(cells: pd.Series, where: str) -> NDArray[np.float32]:
    """Read labels: 1, 0, yes, no, active, inactive, true, false …; NaN where blank.

    Args:
        cells: The cells of one column, indexed by row number.
        where: File and column, for the message.

    Raises:
        InputError: If a cell is anything else.
    """
    codes, words = pd.factorize(as_text(cells))
    labels = np.array([_label(word) for word in words], dtype=np.float32)
    bad = np.flatnonzero(np.isinf(labels))
    if len(bad):
        row = cells.index[int(np.argmax(codes == bad[0]))]
        raise InputError.of(
            f"label in {where}, row {row}",
            got=repr(words[bad[0]]),
            expected="1 or 0, active or inactive, yes or no, true or false, or blank",
            fix="If these are measured values, name their column with --value-column.",
        )
    return labels[codes] if len(labels) else np.empty(0, np.float32)


def label_errors(cells: pd.Series) -> pd.Series:
    """Say of each label cell that a spreadsheet could not compute it, "" where it could."""
    text = as_text(cells)
    return ("label is an error: " + text).where(text.str.casefold().isin(ERRORS), "")


def looks_like_labels(cells: pd.Series) -> bool:
    """Tell whether all cells that are not blank could be labels, and some say which.

    >>> looks_like_labels(pd.Series(["yes", "no", "Inconclusive", ""]))
    True
    >>> looks_like_labels(pd.Series(["0", "1", "2"]))
    False
    """
    words = set(as_text(cells).str.casefold()) - UNDECIDED
    labels = np.array([_label(word) for word in words], dtype=np.float32)
    return bool(not np.isinf(labels).any() and (~np.isnan(labels)).any())


def _label(word: str) -> float:
    """Read a label: 1, 0, NaN where missing, infinity where it is none."""
    word = word.casefold()
    if word in MISSING:
        return float("nan")
    if word in _ACTIVE or word in _INACTIVE:
        return float(word in _ACTIVE)
    try:
        number = float(word)
    except ValueError:
        return float("inf")
    return number if number in (0.0, 1.0) else float("inf")
