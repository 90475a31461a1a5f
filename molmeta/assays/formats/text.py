"""A file's text: which encoding it is in, and its lines."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from molmeta.assays.formats.files import MARKS, open_bytes
from molmeta.errors import InputError

_LOOKED_AT = 1 << 26  # bytes in which the encoding must show: no more is read twice
_MOST_LINES = 200


@dataclass(frozen=True)
class Head:
    """The start of a file, by which its format is recognised.

    Attributes:
        path: The file, as messages call it.
        content: Its first bytes, decompressed.
    """

    path: Path
    content: bytes

    @cached_property
    def text(self) -> Text:
        """The file as text."""
        return Text.of(self.path)

    @cached_property
    def lines(self) -> list[str]:
        """Its first lines with their ends."""
        return self.text.start()


@dataclass(frozen=True)
class Text:
    """A text file.

    Attributes:
        path: The file, as messages call it.
        encoding: What its bytes are decoded with.
    """

    path: Path
    encoding: str

    @classmethod
    def of(cls, path: Path) -> Text:
        """Find the encoding: by the byte order mark, else UTF-8, else cp1252.

        Raises:
            InputError: If it is none of them, or a mixture.
        """
        with open_bytes(path) as stream:
            start = stream.read(4)
        for mark, encoding in MARKS.items():
            if start.startswith(mark):
                return cls(path, encoding)
        problem = _first_problem(path, "utf-8")
        if problem is None:
            return cls(path, "utf-8")
        error, is_ascii = problem
        # Text of before UTF-8 hardly ever has UTF-8's pairs of bytes; the rest is a mixture.
        if is_ascii and _first_problem(path, "cp1252") is None:
            return cls(path, "cp1252")
        raise _undecodable(path, error) from None

    @property
    def notes(self) -> tuple[str, ...]:
        """Say which encoding was taken, unless it is UTF-8."""
        usual = self.encoding in ("utf-8", "utf-8-sig")
        return () if usual else (f"the text was read as {self.encoding}",)

    def lines(self) -> Iterator[str]:
        r"""Its lines with their ends: \n, \r\n or \r.

        Raises:
            InputError: If bytes are not of the encoding, or damaged.
        """
        with io.TextIOWrapper(open_bytes(self.path), self.encoding, newline="") as stream:
            try:
                yield from stream
            except UnicodeError as error:
                raise _undecodable(self.path, error) from None

    def start(self, most: int = 1 << 20) -> list[str]:
        """Its first lines, so many characters or a little more."""
        found, n_characters = [], 0
        for line in self.lines():
            found.append(line)
            n_characters += len(line)
            if n_characters > most or len(found) > _MOST_LINES:
                break
        return found


def _first_problem(path: Path, encoding: str) -> tuple[UnicodeDecodeError, bool] | None:
    """The first bytes that are not of an encoding, and whether all before are ASCII."""
    decoder, n_read, is_ascii = codecs.getincrementaldecoder(encoding)(), 0, True
    with open_bytes(path) as stream:
        while n_read < _LOOKED_AT:
            try:
                block = stream.read(1 << 20)
                is_ascii &= decoder.decode(block, final=not block).isascii()
            except UnicodeDecodeError as error:
                return error, is_ascii and error.object[: error.start].isascii()
            except InputError:  # damage, of which reading tells when the rows before are read
                break
            if not block:
                break
            n_read += len(block)
    return None


def _undecodable(path: Path, error: UnicodeError) -> InputError:
    if isinstance(error, UnicodeDecodeError):
        got = f"a byte (0x{error.object[error.start]:02x}) that is not {error.encoding}"
    else:
        got = str(error)
    return InputError.of(
        str(path), got=got, expected="text in UTF-8, UTF-16 or cp1252", fix="Save it as UTF-8 text."
    )
