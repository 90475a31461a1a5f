"""Table: rows under named columns, read a chunk at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import pandas as pd

from molmeta.assays.columns import find_column, listed
from molmeta.errors import InputError

CHUNK_CELLS = 1_000_000


@dataclass(frozen=True)
class Table:
    """Rows of a file under named columns, without the rows being read yet.

    Attributes:
        path: The file, as messages call it.
        columns: Its column names, all different.
        read: Gives the rows from the first, as frames of at most so many rows (its argument),
            with the row numbers from 0 as index. Text cells stay text, "" where blank.
        kind: What the file is: "delimited", "workbook", "parquet", "sdf", "smi" or "jsonl".
        repeated: Names that several columns had, of which all but the first are now numbered:
            none of them says which column is meant.
        notes: What was taken of the file and could have been another thing, a sentence each.
    """

    path: Path
    columns: tuple[str, ...]
    read: Callable[[int], Iterator[pd.DataFrame]]
    kind: str
    repeated: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its endings, for an assay that has no other."""
        return self.path.name.split(".")[0]

    @classmethod
    def of_rows(
        cls,
        path: Path,
        kind: str,
        names: Names,
        rows: Callable[[], Iterator[list[str]]],
        notes: tuple[str, ...],
    ) -> Table:
        """Make a table of rows of text, which `rows` gives from the first at each call."""

        def read(n_rows: int) -> Iterator[pd.DataFrame]:
            start, rest = 0, rows()
            while batch := list(islice(rest, n_rows)):
                index = pd.RangeIndex(start, start + len(batch))
                yield pd.DataFrame(batch, index=index, columns=list(names.columns), dtype=str)
                start += len(batch)

        return cls(path, names.columns, read, kind, names.repeated, notes + names.notes)

    def only(self, name: str, flag: str) -> str:
        """The name of a column, if no other column has it too.

        Raises:
            InputError: If several columns of the file have that name.
        """
        if name in self.repeated:
            raise InputError.of(
                f"columns of {self.path}",
                got=f"{name!r} more than once",
                expected="one column of that name",
                fix=f"Rename the repeated columns{f', or name one with {flag}' if flag else ''} "
                f"(the second is {name + '.2'!r}).",
            )
        return name

    def find(
        self,
        wanted: str | None,
        known: Sequence[str] = (),
        *,
        flag: str,
        among: Sequence[str] | None = None,
    ) -> str | None:
        """Find a column as `find_column` does, among all columns or some.

        Raises:
            InputError: As there; and if several columns of the file have the name found.
        """
        names = self.columns if among is None else among
        name = find_column(names, wanted, known, flag=flag, source=str(self.path))
        return None if name is None else self.only(name, flag)

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


@dataclass(frozen=True)
class Names:
    """Column names made different.

    Attributes:
        columns: Blank ones numbered, and repeats: `name`, `name.2` …
        repeated: The names that occurred several times.
    """

    columns: tuple[str, ...]
    repeated: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Number what is blank or repeated; a line break in a name becomes a blank."""
        named = [_one_line(name) or f"column_{i + 1}" for i, name in enumerate(names)]
        taken, columns = set(named), dict[str, None]()
        repeated = frozenset(name for name, n in Counter(named).items() if n > 1)
        for name in named:
            if name in columns:
                numbered = (f"{name}.{n}" for n in count(2))
                name = next(new for new in numbered if new not in taken)
                taken.add(name)
            columns[name] = None
        return cls(tuple(columns), repeated)

    @property
    def notes(self) -> tuple[str, ...]:
        """Say which names were numbered."""
        if not self.repeated:
            return ()
        return (f"repeated columns were numbered: {listed(sorted(self.repeated))}",)


def _one_line(name: str) -> str:
    return name.strip() if name.isprintable() else " ".join(name.split())
