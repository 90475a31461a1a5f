"""Reading: a file's rows as measurements, and what was taken for what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Reading:
    """A table's measurements, and notes on what was taken for what.

    Attributes:
        notes: What was taken for what, and what was left: sentences for the user.
        frames: The rows as frames of measurements, of bounded size.
    """

    notes: tuple[str, ...]
    frames: Iterator[pd.DataFrame]
