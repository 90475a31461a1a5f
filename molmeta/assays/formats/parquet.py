"""Parquet files."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from molmeta.assays.formats.spool import on_disk
from molmeta.assays.formats.table import Names, Table
from molmeta.assays.formats.text import Head
from molmeta.errors import InputError


def recognises(head: Head) -> bool:
    """Tell whether the file starts as Parquet does."""
    return head.content.startswith(b"PAR1")


def open_table(head: Head) -> Table:
    """The columns keep their types."""
    path, file = head.path, on_disk(head.path)
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise _bad_parquet(path, error) from None

    names = Names.of(schema.names)

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        start = 0
        try:
            with pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(batch_size=n_rows):
                    chunk = batch.to_pandas(ignore_metadata=True)
                    chunk.columns = list(names.columns)
                    chunk.index = pd.RangeIndex(start, start + len(chunk))
                    start += len(chunk)
                    yield chunk
        except (pa.ArrowException, OSError) as error:
            raise _bad_parquet(path, error) from None

    return Table(path, names.columns, read, "parquet", names.repeated, names.notes)


def _bad_parquet(path: Path, error: Exception) -> InputError:
    return InputError.of(
        str(path), got=f"damaged Parquet data ({error})", fix="Fetch or copy it again."
    )
