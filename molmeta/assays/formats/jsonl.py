"""JSON lines, one object a row (as FS-Mol publishes its assays); only plain fields are read."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from molmeta.assays.formats.table import Names, Table
from molmeta.assays.formats.text import Head, Text
from molmeta.errors import InputError

_N_LOOKED_AT = 1_000


def recognises(head: Head) -> bool:
    """Tell whether the file starts with a JSON object."""
    return next(filter(str.strip, head.lines)).lstrip().startswith('{"')


def open_table(head: Head) -> Table:
    """The columns are the fields of the first lines, lists and objects aside.

    Raises:
        InputError: On reading, if a later line has another field.
    """
    path, text = head.path, head.text
    fields: dict[str, None] = {}
    for _, record in islice(_records(path, text), _N_LOOKED_AT):
        fields |= dict.fromkeys(record)
    names = Names.of(fields)

    def rows() -> Iterator[list[str]]:
        for number, record in _records(path, text):
            if new := record.keys() - fields.keys():
                raise InputError.of(
                    f"{path}, line {number}",
                    got=f"the field {min(new)!r}",
                    expected=f"the fields of the first {_N_LOOKED_AT:,} lines",
                    fix="Write null for it in the first line.",
                )
            yield [record.get(field, "") for field in fields]

    return Table.of_rows(path, "jsonl", names, rows, text.notes)


def _records(path: Path, text: Text) -> Iterator[tuple[int, dict[str, str]]]:
    """Each object's plain fields, and the number of its line."""
    for number, line in enumerate(text.lines(), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line).items()
        except (ValueError, AttributeError, RecursionError):
            raise InputError.of(
                f"{path}, line {number}",
                got=repr(line[:40]),
                expected="a JSON object",
                fix="The file is damaged or truncated: fetch or copy it again.",
            ) from None
        yield (
            number,
            {
                name: "" if value is None else str(value)
                for name, value in fields
                if not isinstance(value, list | dict)
            },
        )
