"""Columns: names of the numbers that lie side by side in a molecule's row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor

from molmeta.errors import InputError


class Columns(Mapping[str, slice]):
    """The names and places of the columns of a matrix that has a row for each molecule.

    An encoder declares the columns of its rows: its own `vector` first, then others such as a
    fingerprint `sketch`. Terms and heads read columns by name, never by position.

    >>> columns = Columns(vector=4, sketch=2, profile=0)
    >>> columns["sketch"]
    slice(4, 6, None)
    >>> columns.dim, list(columns)
    (6, ['vector', 'sketch'])
    >>> columns.only({"vector"})
    Columns(vector=4)

    Args:
        widths: The number of columns of each name, in the order in which they stand; a name
            without a column is left out.

    Attributes:
        dim: The number of columns of all names together.
    """

    def __init__(self, **widths: int) -> None:
        self._widths = {name: width for name, width in widths.items() if width}
        self._slices: dict[str, slice] = {}
        self.dim = 0
        for name, width in self._widths.items():
            self._slices[name] = slice(self.dim, self.dim + width)
            self.dim += width
        self._sizes = list(self._widths.values())

    def __getitem__(self, name: str) -> slice:
        return self._slices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slices)

    def __len__(self) -> int:
        return len(self._slices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and list(self.widths()) == list(other.widths())

    def __hash__(self) -> int:
        return hash(tuple(self.widths()))

    def __repr__(self) -> str:
        return f"Columns({', '.join(f'{name}={width}' for name, width in self.widths())})"

    def width(self, name: str) -> int:
        """Count the columns of this name; 0 if there is none."""
        return self._widths.get(name, 0)

    def widths(self) -> Iterator[tuple[str, int]]:
        """Iterate over the names, each with its number of columns, in order."""
        return iter(self._widths.items())

    def only(self, names: Iterable[str]) -> Columns:
        """Keep the columns of these names, in the order in which they stand here.

        Raises:
            InputError: If there is none of a name.
        """
        names = set(names)
        missing = sorted(names - set(self))
        if missing:
            raise InputError.of(
                f"columns {', '.join(missing)}",
                got=f"vectors of {', '.join(self)}",
                fix="Let the encoder give them (it takes their width), or read what it gives.",
            )
        return Columns(**{name: width for name, width in self.widths() if name in names})

    def select(self, rows: Tensor, columns: Columns) -> Tensor:
        """Take some columns out of rows, shape (…, dim) → (…, columns.dim)."""
        if columns.dim == self.dim:
            return rows
        slices = [self[name] for name in columns]
        if slices and slices[-1].stop - slices[0].start == columns.dim:  # without a copy
            return rows[..., slices[0].start : slices[-1].stop]
        return torch.cat([rows[..., one] for one in slices], -1)

    def split(self, rows: Tensor) -> dict[str, Tensor]:
        """View the columns of rows, shape (…, dim), by name."""
        return dict(zip(self, torch.split(rows, self._sizes, -1), strict=True))
