"""Writing results as the file's name says: CSV, TSV, Parquet or NPY, whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.errors import InputError
from molmeta.resources import write_atomically

_TEXT = {".csv": ",", ".tsv": "\t"}


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table to `path`; `-` is CSV on standard output.

    Raises:
        InputError: If the name's ending is none of .csv, .tsv, .parquet (text also with .gz).
    """
    if str(path) == "-":
        table.to_csv(sys.stdout, index=False)
        return
    ending = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if ending not in _TEXT and path.suffix != ".parquet":
        raise InputError.of(
            f"output {path}", got=f"the ending {path.suffix!r}", expected=".csv, .tsv or .parquet"
        )
    with write_atomically(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, sep=_TEXT[ending])


def write_vectors(rows: pd.DataFrame, vectors: NDArray[np.float32], path: Path) -> None:
    """Write vectors, shape (n, d): bare to .npy, else as the columns v0 … after those of `rows`.

    Raises:
        InputError: If the name's ending is none that is known.
    """
    if path.suffix == ".npy":
        with write_atomically(path) as temporary:
            np.save(temporary, vectors)
        return
    names = [f"v{number}" for number in range(vectors.shape[1])]
    columns = pd.DataFrame(vectors, columns=names, index=rows.index)
    write_table(pd.concat([rows, columns], axis=1), path)
