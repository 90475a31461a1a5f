"""Libraries that do not fit in memory: cut into parts, featurized while the parts are computed on.

A part is the unit of output and of resuming; what is computed at once is smaller, `PIECE` rows, so
that worker processes read the next molecules while the model works on the last.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from molmeta.assays.library import Library
from molmeta.assays.measurement import as_text
from molmeta.chem.featurize import PIECE, Featurized
from molmeta.runs.model import Model

PART_ROWS = 32_768
"""Rows of a part at most: some seconds of work, and some megabytes."""


@dataclass(frozen=True)
class Part:
    """Some rows of a library that follow each other.

    Attributes:
        number: From 0, over all files.
        rows: All their columns.
    """

    number: int
    rows: pd.DataFrame


@dataclass(frozen=True)
class Computed:
    """The results of a part of n rows.

    Attributes:
        part: Its rows.
        values: Shape (n, k), NaN where rejected.
        reasons: Why a row was rejected, (n,); "" where it was not.
    """

    part: Part
    values: NDArray[np.float32]
    reasons: list[str]


Engine = Callable[..., Iterator[Computed]]
"""What computes on parts: `compute` in this process and its workers, or its like on a cluster."""


def cut(library: Library, part_rows: int = PART_ROWS) -> Iterator[Part]:
    """The parts of a library, always the same ones; one does not reach over files."""
    for number, rows in enumerate(library.chunks(part_rows)):
        yield Part(number, rows)


def compute(
    model: Model,
    parts: Iterable[Part],
    smiles_column: str,
    function: Callable[[Featurized], NDArray[np.float32]],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    time_limit: float | None = None,
) -> Iterator[Computed]:
    """Apply a function to the molecules of parts: one result a part, in order, in bounded memory.

    Args:
        model: What the molecules are featurized for.
        parts: Read only a little ahead.
        smiles_column: Theirs.
        function: Features of m rows → (m, k).
        workers: Processes that read molecules while `function` runs in this one; None and 1:
            this one reads them.
        progress: Called with the number of rows done since its last call.
        time_limit: As of `chem.featurize`.
    """
    begun: deque[Part] = deque()

    def pieces() -> Iterator[Sequence[object]]:
        for part in parts:
            begun.append(part)
            smiles = as_text(part.rows[smiles_column]).tolist()
            yield from (smiles[start : start + PIECE] for start in range(0, len(smiles), PIECE))

    values: list[NDArray[np.float32]] = []
    reasons: list[str] = []
    for features in model.featurize_stream(pieces(), workers=workers or 1, time_limit=time_limit):
        values.append(function(features))
        reasons += features.reasons
        if progress is not None:
            progress(len(features))
        if len(reasons) == len(begun[0].rows):
            yield Computed(begun.popleft(), np.concatenate(values), reasons)
            values, reasons = [], []


def schema_of(library: Library) -> dict[str, pa.DataType]:
    """The type of each column: as a Parquet file says, else text.

    It is the same for all parts, whatever a part's cells look like by themselves.
    """
    first = library.tables[0]
    types: dict[str, pa.DataType] = dict.fromkeys(first.columns, pa.string())
    if first.kind == "parquet":
        types = dict(zip(first.columns, pq.read_schema(first.path).types, strict=True))
    return {**types, "file": pa.string()} if len(library.tables) > 1 else types


def as_arrow(rows: pd.DataFrame, types: dict[str, pa.DataType], **added: Any) -> pa.Table:
    """Rows as an Arrow table of given types, and added columns."""
    columns = {
        name: pa.array(rows[name], type=kind, from_pandas=True) for name, kind in types.items()
    }
    return pa.table({**columns, **added})
