"""Reading: a file's rows as measurements, and what was taken for what."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from molmeta.errors import InputError


@dataclass(frozen=True)
class Reading:
    """A table's measurements, and notes on what was taken for what.

    Attributes:
        notes: What was taken for what, and what was left: sentences for the user.
        frames: The rows as frames of measurements, of bounded size.
    """

    notes: tuple[str, ...]
    frames: Iterator[pd.DataFrame]


class NoLabels(InputError):
    """A table without a column of labels, which may have values all the same."""


class SeveralValues(InputError):
    """A table with several columns that could hold the values.

    Attributes:
        names: The columns.
    """

    names: tuple[str, ...] = ()
