"""A file's bytes: decompressed by content, and refused with the reason where damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from molmeta.errors import InputError

HEAD_BYTES = 1 << 16
_COMPRESSED: dict[bytes, type[gzip.GzipFile] | type[bz2.BZ2File] | type[lzma.LZMAFile]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}


def read_head(path: Path) -> bytes:
    """The first bytes of a file's (decompressed) content.

    Raises:
        InputError: If they show that the file is no data of any kind we read.
    """
    if path.is_dir() or not path.exists():
        got = "a folder" if path.is_dir() else "no such file"
        raise InputError.of(str(path), got=got, expected="a file")
    with open_bytes(path) as stream:
        head = stream.read(HEAD_BYTES)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    # White space of any kind: what text functions later take for blank lines.
    if not (start and head.decode("utf-8-sig", errors="replace").strip()):
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


def problem_of(stream: io.BufferedReader) -> InputError | None:
    """Why reading a stream of `open_bytes` failed, for libraries that hide it."""
    return stream.raw.problem if isinstance(stream.raw, _Guarded) else None


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a text file without their ends, decompressed.

    Raises:
        InputError: If a line is not UTF-8.
    """
    with open_bytes(path) as stream:
        for number, line in enumerate(stream):
            try:
                text = line.decode("utf-8-sig" if number == 0 else "utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(path, error) from None
            yield text.rstrip("\r\n")


def not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    """The error for text in another encoding."""
    return InputError.of(
        str(path),
        got=f"a byte (0x{error.object[error.start]:02x}) that is not UTF-8",
        expected="UTF-8 text",
        fix="Save it as UTF-8 text.",
    )
