"""JSON lines, one object a row (as FS-Mol publishes its assays); only plain fields are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from molmeta.assays.formats.files import text_lines
from molmeta.assays.formats.table import Table, in_chunks, unique_names
from molmeta.errors import InputError


def recognises(path: Path, head: bytes) -> bool:
    """Whether the file starts with a JSON object."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b'{"')


def open_table(path: Path, head: bytes) -> Table:
    """The columns are the first line's fields, lists and objects aside."""
    columns = unique_names(path, list(next(_records(path))))

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        return in_chunks(_records(path), columns, n_rows)

    return Table(path, columns, read, "jsonl")


def _records(path: Path) -> Iterator[dict[str, str]]:
    for number, line in enumerate(text_lines(path)):
        if not line.strip():
            continue
        try:
            fields = json.loads(line).items()
        except (ValueError, AttributeError, RecursionError):
            raise InputError.of(
                f"{path}, line {number + 1}",
                got=repr(line[:40]),
                expected="a JSON object",
                fix="The file is damaged or truncated: fetch or copy it again.",
            ) from None
        yield {
            name: "" if value is None else str(value)
            for name, value in fields
            if not isinstance(value, list | dict)
        }
