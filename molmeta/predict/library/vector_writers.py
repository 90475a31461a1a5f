"""Writing vectors part by part, in constant memory: NPY, Parquet, or text."""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TextIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from molmeta.assays.columns import check_names
from molmeta.errors import InputError, check_choice
from molmeta.predict.files import check_ending, separator_of, write_text
from molmeta.predict.library.stream import Computed, as_arrow
from molmeta.predict.library.vectors import (
    FORMATS,
    METADATA,
    REASON,
    VECTOR,
    encode_numbers,
    encoder_fingerprint,
    side_car,
    width_of,
)
from molmeta.resources import write_atomically, writing
from molmeta.runs.model import Model


class _Writer(Protocol):
    """Takes the parts of a library one by one."""

    def add(self, computed: Computed) -> None:
        """Write a part's vectors."""

    def close(self) -> None:
        """Finish the file."""


class _NpyWriter:
    def __init__(self, path: Path, dim: int, number_format: str) -> None:
        self._file = path.open("wb")
        self._format = number_format
        self.shape = [0, dim]
        self._start = self._write_header()

    def _write_header(self) -> int:
        descr = np.lib.format.dtype_to_descr(np.dtype(FORMATS[self._format][1]))
        header = {"descr": descr, "fortran_order": False, "shape": tuple(self.shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()

    def add(self, computed: Computed) -> None:
        self._file.write(encode_numbers(computed.values, self._format).tobytes())
        self.shape[0] += len(computed.values)

    def close(self) -> None:
        self._file.seek(0)  # numpy leaves room in a header for any number of rows
        if self._write_header() != self._start:
            raise RuntimeError("the header of an .npy file grew")
        self._file.close()


class _ParquetWriter:
    def __init__(
        self,
        path: Path,
        dim: int,
        number_format: str,
        types: Mapping[str, pa.DataType],
        told: Mapping[str, object],
    ) -> None:
        self._types, self._format, self._dim = dict(types), number_format, dim
        number = pa.from_numpy_dtype(FORMATS[number_format][1])
        fields = {**types, VECTOR: pa.list_(number, dim), REASON: pa.string()}
        schema = pa.schema(fields, metadata={METADATA: json.dumps(told).encode()})
        # Numbers of learned vectors neither repeat nor compress.
        self._file = pq.ParquetWriter(
            path, schema, use_dictionary=False, write_statistics=False, compression="lz4"
        )

    def add(self, computed: Computed) -> None:
        stored = encode_numbers(computed.values, self._format).reshape(-1)
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(stored), self._dim)
        added = {VECTOR: vectors, REASON: pa.array(computed.reasons, pa.string())}
        table = as_arrow(computed.part.rows, self._types, **added)
        self._file.write_table(table, row_group_size=max(len(table), 1))

    def close(self) -> None:
        self._file.close()


class _TextWriter:
    """The library's columns, then v0 …; numbers as text."""

    def __init__(self, file: TextIO, dim: int, separator: str) -> None:
        self._file, self._separator = file, separator
        self._names = [f"v{number}" for number in range(dim)]
        self._header = True

    def add(self, computed: Computed) -> None:
        rows = computed.part.rows
        columns = pd.DataFrame(computed.values, columns=self._names, index=rows.index)
        table = pd.concat([rows, columns], axis=1)
        write_text(table, self._file, self._separator, header=self._header)
        self._header = False

    def close(self) -> None:
        self._file.flush()
        if self._file is not sys.stdout:
            self._file.close()


def write_vectors(
    parts: Iterable[Computed],
    path: Path,
    model: Model,
    types: Mapping[str, pa.DataType],
    number_format: str = "fp32",
    *,
    ready: bool = False,
) -> tuple[int, Counter[str]]:
    """Write the vectors of a library, part by part; the file appears when it is whole.

    Args:
        parts: What was computed, `values` being vectors.
        path: Ends in .npy, .parquet, .csv or .tsv (also with .gz); `-` is CSV on standard output.
        model: Whose encoder made them.
        types: Of the library's columns.
        number_format: One of `FORMATS`.
        ready: Whether the vectors are what `Matcher.prepare` gives.

    Returns:
        The number of rows; and how many of them were rejected, by reason.

    Raises:
        InputError: If the ending is another one, text is to hold half-precision numbers, or a
            column of the library has the name of one that is added.
    """
    check_vector_file(path, number_format)
    dim = width_of(model, ready=ready)
    fingerprint = encoder_fingerprint(model, ready=ready)
    told = {"fingerprint": fingerprint, "format": number_format, "ready": ready}
    if path.suffix == ".parquet":
        check_names(types, f"library for {path}", (VECTOR, REASON))
    n_rows, rejected = 0, Counter[str]()
    with _target(path) as file:
        writer: _Writer
        if path.suffix == ".npy":
            writer = _NpyWriter(file, dim, number_format)
        elif path.suffix == ".parquet":
            writer = _ParquetWriter(file, dim, number_format, types, told)
        else:
            writer = _TextWriter(_open_text(file), dim, separator_of(path))
        try:
            for part in parts:
                writer.add(part)
                n_rows += len(part.reasons)
                rejected.update(filter(None, part.reasons))
        finally:
            writer.close()
        if path.suffix == ".npy":  # killed before the new one stands, vectors have none
            side_car(path).unlink(missing_ok=True)
    if isinstance(writer, _NpyWriter):
        with write_atomically(side_car(path)) as text:
            about = {**told, "model": str(model.path), "shape": writer.shape}
            text.write_text(json.dumps(about) + "\n", encoding="utf-8")
    return n_rows, rejected


def check_vector_file(path: Path, number_format: str) -> None:
    """Refuse a name or a number format that cannot be written, before any work is done for it.

    Raises:
        InputError: As `write_vectors`.
        OSError: If the name is too long.
    """
    check_ending(path, ".npy")
    with suppress(FileNotFoundError):
        side_car(path).lstat()  # fails if its name is too long
    check_choice("--dtype", number_format, FORMATS)
    if number_format != "fp32" and path.suffix not in (".npy", ".parquet"):
        raise InputError.of(
            f"output {path}", got=f"--dtype {number_format} for text", expected=".npy or .parquet"
        )


@contextmanager
def _target(path: Path) -> Iterator[Path]:
    """Give the place to write to: a file that becomes `path`, or standard output."""
    if str(path) == "-":
        with writing(path):
            yield path
        return
    with write_atomically(path) as temporary:
        yield temporary


def _open_text(path: Path) -> TextIO:
    if str(path) == "-":
        return sys.stdout
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "wt", encoding="utf-8", newline=""))
    return path.open("w", encoding="utf-8", newline="")
