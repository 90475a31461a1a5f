"""A file's bytes: decompressed by content, and refused with the reason where damaged."""

import bz2
import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from molmeta.assays.formats.spool import on_disk
from molmeta.errors import InputError

HEAD_BYTES = 1 << 16
_COMPRESSED: dict[bytes, type[gzip.GzipFile] | type[bz2.BZ2File] | type[lzma.LZMAFile]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""What workbooks begin with: zip archives, and OLE files of before 2007."""
MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
"""Byte order marks and what they announce; the longer ones first."""


def read_head(path: Path) -> bytes:
    """The first bytes of a file's (decompressed) content.

    Raises:
        InputError: If they show that the file is no data of any kind we read.
    """
    if path.is_dir() or not on_disk(path).exists():
        got = "a folder" if path.is_dir() else "no such file"
        raise InputError.of(str(path), got=got, expected="a file")
    with open_bytes(path) as stream:
        head = stream.read(HEAD_BYTES)
    encoding = next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8")
    text = head.decode(encoding, errors="replace")
    # White space of any kind: what text functions later take for blank lines.
    if not text.strip(" \t\r\n") or not text.strip():
        raise InputError.of(str(path), got="an empty file", expected="a table with a header line")
    if text.lstrip()[:9].lower().startswith(("<!doctype", "<html", "<?xml", "<head")):
        raise InputError.of(
            str(path),
            got="a web page",
            expected="a table",
            fix="The download went wrong: look at the page in a browser and download again.",
        )
    return head


class _Guarded(io.RawIOBase):
    """A file's decompressed bytes; damage and NUL bytes in text raise InputError."""

    def __init__(self, path: Path, stream: BinaryIO, *, binary: bool) -> None:
        self.path = path
        self._stream, self._binary, self._begun = stream, binary, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            block = self._stream.read(len(buffer))
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            self._fail(f"damaged or truncated compressed data ({error})", "Fetch or copy it again.")
        if not self._begun:
            self._begun = True
            wide = any(block.startswith(mark) for mark, name in MARKS.items() if name[-1] != "g")
            self._binary |= wide
        if not self._binary and b"\0" in block:
            self._fail("NUL bytes: binary data or UTF-16 text", "Save it as UTF-8 text.")
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _fail(self, got: str, fix: str) -> None:
        raise InputError.of(str(self.path), got=got, expected="readable text", fix=fix) from None


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a file for reading its bytes, decompressed (gzip, bzip2, xz, by content).

    Reading raises InputError where the compressed data are damaged or a text holds NUL bytes.
    """
    file = on_disk(path)
    try:
        with file.open("rb") as stream:
            magic = stream.read(6)
        opener = next((f for m, f in _COMPRESSED.items() if magic.startswith(m)), None)
        opened = cast(BinaryIO, opener(file) if opener else file.open("rb"))
    except OSError as error:
        raise InputError.of(
            str(path), got=f"a file that cannot be read ({error.strerror})"
        ) from None
    binary = magic.startswith((b"PAR1", *WORKBOOKS))
    return io.BufferedReader(_Guarded(path, opened, binary=binary), 1 << 18)
