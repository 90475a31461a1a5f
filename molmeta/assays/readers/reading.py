"""Reading: a look at a file's first rows; its rows as measurements, and what was taken for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.formats.table import Table
from molmeta.errors import InputError

N_LOOKED_AT = 2_000


@dataclass(frozen=True)
class Glance:
    """A look at a table, by which the roles of its columns are found.

    Attributes:
        table: For messages, and what the user names.
        names: The columns that have no other role, in the table's order.
        columns: What the user says.
        rows: The first rows.
    """

    table: Table
    names: tuple[str, ...]
    columns: Columns
    rows: pd.DataFrame

    @classmethod
    def of(cls, table: Table, columns: Columns, taken: Sequence[str] = ()) -> Glance:
        """Look at the first rows; the columns `taken` have another role."""
        names = tuple(name for name in table.columns if name not in taken)
        return cls(table, names, columns, table.first_rows(N_LOOKED_AT))

    def without(self, *taken: str) -> Glance:
        """Look at the same rows when more columns have another role."""
        return replace(self, names=tuple(name for name in self.names if name not in taken))

    def find(self, wanted: str | None, known: Sequence[str] = (), *, flag: str) -> str | None:
        """Find a column among `names`, as `Table.find` does."""
        return self.table.find(wanted, known, flag=flag, among=self.names)


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
