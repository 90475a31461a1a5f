"""Class columns: which column beside measured values holds the user's labels."""

import pandas as pd

from molmeta.assays.columns import listed, words_of
from molmeta.assays.measurement import UNDECIDED, as_text, looks_like_labels
from molmeta.assays.readers.reading import Glance
from molmeta.assays.readers.values import measured_columns
from molmeta.errors import InputError

# A column named by nothing but these holds labels, if its cells can be some.
_LABEL_WORDS = frozenset(
    {"active", "activity", "label", "labels", "class", "outcome", "hit", "hits", "call"}
)
_WORDS_AROUND = frozenset({"is", "binary", "final", "overall", "flag", "result", "results"})
_ACTIVITIES = frozenset({"active", "inactive"}) | UNDECIDED


def choose_labels(glance: Glance) -> str | None:
    """Find the column of labels among columns that hold measured values too.

    Returns:
        The column; None where no column speaks of labels, or none is of measured values.

    Raises:
        InputError: If it is not clear which column holds them, or whether one does.
    """
    measured = measured_columns(glance)
    speaking = [name for name in class_columns(glance) if speaks_of_labels(name, glance.rows)]
    clear = [name for name in speaking if set(words_of(name)) <= _LABEL_WORDS | _WORDS_AROUND]
    if not measured or not speaking:
        return None
    if len(clear) == 1:
        return clear[0]
    raise InputError.of(
        f"labels of {glance.table.path}",
        got=f"{listed(clear or speaking)}, which could be labels, "
        f"beside measured values in {listed(measured)}",
        expected="to know which of them decides",
        fix="Name the labels with --label-column, or the values with --value-column "
        "and --threshold.",
    )


def class_columns(glance: Glance) -> list[str]:
    """The columns whose first cells are words for two classes: 0 and 1, yes and no …."""
    return [name for name in glance.names if looks_like_labels(glance.rows[name])]


def speaks_of_labels(name: str, rows: pd.DataFrame) -> bool:
    """Tell whether a class column's name, or its cells, say that its classes are activities."""
    cells = as_text(rows[name]).str.casefold()
    return bool(_LABEL_WORDS.intersection(words_of(name)) or cells.isin(_ACTIVITIES).any())
