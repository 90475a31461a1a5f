"""Table: rows under named columns, read a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from molmeta.assays.columns import listed
from molmeta.errors import InputError

CHUNK_CELLS = 1_000_000


@dataclass(frozen=True)
class Table:
    """Rows of a file under named columns, without the rows being read yet.

    Attributes:
        path: The file.
        columns: Its column names, all different.
        read: Gives the rows from the first, as frames of at most so many rows (its argument),
            with the row numbers from 0 as index. Text cells stay text, "" where blank.
        kind: What the file is: "delimited", "parquet", "sdf", "smi" or "jsonl".
        notes: What was taken of the file that could have been another thing.
    """

    path: Path
    columns: tuple[str, ...]
    read: Callable[[int], Iterator[pd.DataFrame]]
    kind: str
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its endings, for an assay that has no other."""
        return self.path.name.split(".")[0]

    def chunks(self, most: int = CHUNK_CELLS) -> Iterator[pd.DataFrame]:
        """The rows, in frames of bounded size.

        Args:
            most: Rows of a frame at most.

        Raises:
            InputError: If the table has no rows, or a part of the file cannot be read.
        """
        n_rows = 0
        for chunk in self.read(min(most, max(1000, CHUNK_CELLS // len(self.columns)))):
            n_rows += len(chunk)
            yield chunk
        if n_rows == 0:
            raise InputError.of(
                str(self.path),
                got=f"no rows under the columns {listed(self.columns)}",
                expected="at least one",
            )

    def first_rows(self, n_rows: int) -> pd.DataFrame:
        """The first rows, for a look at what the columns hold."""
        return next(self.read(n_rows), pd.DataFrame(columns=list(self.columns)))


def unique_names(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Column names, blank ones numbered.

    Raises:
        InputError: If a name occurs twice.
    """
    named = [name.strip() or f"column_{i + 1}" for i, name in enumerate(names)]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise InputError.of(
            f"columns of {path}",
            got=f"{listed(twice)} more than once",
            expected="names that are all different",
            fix="Rename or remove the repeated column.",
        )
    return tuple(named)


def in_chunks(
    records: Iterator[dict[str, str]], columns: Sequence[str], n_rows: int
) -> Iterator[pd.DataFrame]:
    """Records, one at a time, as frames of at most `n_rows` rows; "" where one lacks a column."""
    start, batch = 0, []
    for record in records:
        batch.append([record.get(name, "") for name in columns])
        if len(batch) == n_rows:
            yield _frame(batch, columns, start)
            start, batch = start + n_rows, []
    if batch:
        yield _frame(batch, columns, start)


def _frame(rows: list[list[str]], columns: Sequence[str], start: int) -> pd.DataFrame:
    index = pd.RangeIndex(start, start + len(rows))
    return pd.DataFrame(rows, index=index, columns=list(columns), dtype=str)
