"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from molmeta.assays.formats.table import Table, unique_names
from molmeta.errors import InputError


def recognises(path: Path, head: bytes) -> bool:
    """Whether the file starts as Parquet does."""
    return head.startswith(b"PAR1")


def open_table(path: Path, head: bytes) -> Table:
    """The columns keep their types."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _bad_parquet(path, error) from None

    columns = unique_names(path, schema.names)

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        start = 0
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=n_rows):
                    chunk = batch.to_pandas(ignore_metadata=True)
                    chunk.columns = list(columns)
                    chunk.index = pd.RangeIndex(start, start + len(chunk))
                    start += len(chunk)
                    yield chunk
        except (pa.ArrowException, OSError) as error:
            raise _bad_parquet(path, error) from None

    return Table(path, columns, read, "parquet")


def _bad_parquet(path: Path, error: Exception) -> InputError:
    return InputError.of(
        str(path), got=f"damaged Parquet data ({error})", fix="Fetch or copy it again."
    )
