"""Files as tables: delimited text and Parquet, compressed or not, read a chunk at a time.

A table has named columns and rows numbered from 0; text cells stay text, "" where blank.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from molmeta.assays.columns import listed
from molmeta.errors import InputError

CHUNK_CELLS = 1_000_000
_HEAD_BYTES = 1 << 16
_COMPRESSED: dict[bytes, type[gzip.GzipFile] | type[bz2.BZ2File] | type[lzma.LZMAFile]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}


@dataclass(frozen=True)
class Table:
    """Rows of a file under named columns, without the rows being read yet.

    Attributes:
        path: The file.
        columns: Its column names, all different.
        read: Gives the rows from the first, as frames of at most so many rows (its argument),
            with the row numbers as index.
        kind: What the file is: "delimited", "parquet", "sdf", "smi" or "jsonl".
    """

    path: Path
    columns: tuple[str, ...]
    read: Callable[[int], Iterator[pd.DataFrame]]
    kind: str

    @property
    def name(self) -> str:
        """The file's name without its endings, for an assay that has no other."""
        return self.path.name.split(".")[0]

    def chunks(self) -> Iterator[pd.DataFrame]:
        """The rows, in frames of bounded size.

        Raises:
            InputError: If the table has no rows, or a part of the file cannot be read.
        """
        n_rows = 0
        for chunk in self.read(max(1000, CHUNK_CELLS // len(self.columns))):
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


def open_table(path: Path | str) -> Table:
    """Open a file as a table; its kind is recognised from its content, not its name.

    Raises:
        InputError: If there is no such file, or it is empty, truncated, not a table, or its
            columns are not all different.
    """
    path = Path(path)
    head = read_head(path)
    if head.startswith(b"PAR1"):
        return _open_parquet(path)
    return _open_delimited(path, head)


def read_head(path: Path) -> bytes:
    """The first bytes of a file's (decompressed) content.

    Raises:
        InputError: If they show that the file is no data of any kind we read.
    """
    if path.is_dir() or not path.exists():
        got = "a folder" if path.is_dir() else "no such file"
        raise InputError.of(str(path), got=got, expected="a file")
    with open_bytes(path) as stream:
        head = stream.read(_HEAD_BYTES)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise InputError.of(str(path), got="an empty file", expected="a table with a header line")
    if start[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise InputError.of(
            str(path),
            got="a web page",
            expected="a table",
            fix="The download went wrong: look at the page in a browser and download again.",
        )
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError.of(
            str(path),
            got="an Excel workbook or zip archive",
            expected="CSV, TSV, Parquet or SDF",
            fix="Save the sheet as CSV (UTF-8), or unpack the archive.",
        )
    return head


class _Guarded(io.RawIOBase):
    """A file's decompressed bytes; keeps the reason of a failure, which pandas would hide."""

    def __init__(self, path: Path, stream: BinaryIO, *, binary: bool) -> None:
        self.path = path
        self.problem: InputError | None = None
        self._stream, self._binary = stream, binary

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            block = self._stream.read(len(buffer))
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            self._fail(f"damaged or truncated compressed data ({error})", "Fetch or copy it again.")
        if not self._binary and b"\0" in block:
            self._fail("NUL bytes: binary data or UTF-16 text", "Save it as UTF-8 text.")
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _fail(self, got: str, fix: str) -> None:
        self.problem = InputError.of(str(self.path), got=got, expected="readable text", fix=fix)
        raise self.problem from None


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a file for reading its bytes, decompressed (gzip, bzip2, xz, by content).

    Reading raises InputError where the compressed data are damaged or a text holds NUL bytes.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(6)
        opener = next((f for m, f in _COMPRESSED.items() if magic.startswith(m)), None)
        stream = cast(BinaryIO, opener(path) if opener else path.open("rb"))
    except OSError as error:
        raise InputError.of(
            str(path), got=f"a file that cannot be read ({error.strerror})"
        ) from None
    binary = magic.startswith((b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))
    return io.BufferedReader(_Guarded(path, stream, binary=binary), 1 << 18)


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


def _open_delimited(path: Path, head: bytes) -> Table:
    text = head.decode("utf-8-sig", errors="replace")
    delimiter, names = _sniff(text, whole=len(head) < _HEAD_BYTES)
    columns = unique_names(path, names)

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        with open_bytes(path) as stream:
            try:
                with pd.read_csv(
                    stream,
                    sep=delimiter,
                    names=list(columns),
                    header=0,
                    dtype=str,
                    keep_default_na=False,
                    index_col=False,
                    chunksize=n_rows,
                    encoding="utf-8-sig",
                ) as chunks:
                    for chunk in chunks:
                        yield chunk.fillna("")  # cells that a short row lacks
            except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeError) as error:
                raise _explained(path, stream, error) from None

    return Table(path, columns, read, "delimited")


def _explained(path: Path, stream: io.BufferedReader, error: Exception) -> InputError:
    if isinstance(stream.raw, _Guarded) and stream.raw.problem is not None:
        return stream.raw.problem
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        got, fix = f"a byte (0x{byte:02x}) that is not UTF-8", "Save it as UTF-8 text."
    else:
        message = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        got, fix = f"lines that do not fit the header ({message})", "Look at that line."
    return InputError.of(str(path), got=got, expected="UTF-8 text, a cell a column", fix=fix)


def _sniff(text: str, *, whole: bool) -> tuple[str, list[str]]:
    """The delimiter and the header: the delimiter that cuts all first lines alike, most finely."""
    lines = text.splitlines(keepends=True)[:50]
    if len(lines) > 1 and not whole:
        lines = lines[:-1]

    def rank(delimiter: str) -> tuple[bool, int]:
        counts = [len(record) for record in csv.reader(lines, delimiter=delimiter) if record]
        alike = sum(n == counts[0] for n in counts) >= 0.9 * len(counts)
        return alike and counts[0] > 1, counts[0]

    csv.field_size_limit(max(csv.field_size_limit(), 2 * _HEAD_BYTES))
    delimiter = max(",\t;", key=rank)
    return delimiter, next(record for record in csv.reader(lines, delimiter=delimiter) if record)


def _open_parquet(path: Path) -> Table:
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
