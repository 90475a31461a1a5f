"""Input that can be read only once, standard input or a pipe, copied to a file for this process."""

import atexit
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import BinaryIO

from molmeta.errors import InputError, MolmetaError

STANDARD_INPUT = Path("standard input")
"""What messages, tables and assays call it."""

_NAMES = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", str(STANDARD_INPUT)}
# What was copied: by the name shown, the stream that it came from and the copy.
_copies: dict[Path, tuple[object, Path]] = {}


def is_standard_input(path: Path | str) -> bool:
    """Tell whether a path stands for standard input."""
    return str(path) in _NAMES and not (path == STANDARD_INPUT and STANDARD_INPUT.exists())


def shown(path: Path) -> Path:
    """Name a file for messages and results: without bytes that are no UTF-8."""
    if is_standard_input(path):
        return STANDARD_INPUT
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    if name == str(path):
        return path
    _copies[Path(name)] = (None, path)
    return Path(name)


def on_disk(path: Path) -> Path:
    """Find the bytes of a file that may be read again and again; takes `shown` names too.

    A pipe is read once in a process, standard input once for each stream that it is.

    Raises:
        InputError: If there is no standard input.
        MolmetaError: If there is no room for the copy.
    """
    if is_standard_input(path):
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise InputError.of(str(STANDARD_INPUT), got="none", expected="a table to read from it")
        source, copy = _copies.get(STANDARD_INPUT, (None, path))
        return copy if source is stream else _copy(STANDARD_INPUT, stream, stream)
    if path in _copies:
        return _copies[path][1]
    if path.is_fifo() or path.is_char_device() or path.is_socket():
        try:
            with path.open("rb") as stream:
                return _copy(path, stream, None)
        except OSError as error:
            raise InputError.of(
                str(path), got=f"a file that cannot be read ({error.strerror})"
            ) from None
    return path


def _copy(name: Path, stream: BinaryIO, source: object) -> Path:
    handle, file = tempfile.mkstemp(prefix="molmeta-input-")
    copy = Path(file)
    atexit.register(partial(copy.unlink, missing_ok=True))
    try:
        with os.fdopen(handle, "wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
    except OSError as error:
        raise MolmetaError(f"{name}: no copy of it in {copy.parent} ({error.strerror})") from None
    _copies[name] = (source, copy)
    return copy
