"""SDF: one record a molecule, its properties become columns (CTfile formats, BIOVIA 2020)."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

from rdkit import Chem, rdBase

from molmeta.assays.formats.table import Names, Table
from molmeta.assays.formats.text import Head, Text
from molmeta.chem.molecule import is_missing_word
from molmeta.errors import InputError

# A property's header is "> <NAME>" with tags and numbers around the name, e.g. "> 25 <NAME>  (12)".
# The name may hold a ">" where nothing else stands behind it.
_PROPERTY = re.compile(r"^>[^<]*<(?:((?:(?!>\s+<).)+)>\s*(?:\([^()<>]*\)\s*)?$|([^>]+)>)")
_COUNTS = re.compile(r"^(?=.{0,5}\d)[ \d]{6}.*V[23]000\s*$")
_END, _DELIMITER = "M  END", "$$$$"
_N_HEADER_LINES, _MOST_LINES = 3, 200_000

# A property's name and how often the name has occurred in the record, from 1.
_Key = tuple[str, int]


def recognises(head: Head) -> bool:
    """Tell whether the first lines hold a counts line or the end of a structure."""
    lines = [line.rstrip() for line in head.lines]
    fourth = "".join(lines[_N_HEADER_LINES : _N_HEADER_LINES + 1])
    return fourth.endswith(("V2000", "V3000")) or any(
        line == _END or _COUNTS.match(line) for line in lines
    )


def open_table(head: Head) -> Table:
    """The columns are `smiles`, `name` (the title line) and every property of any record.

    The whole file is passed once for the properties' names. A property named `smiles` is filled
    up from the structure where it is blank. A molecule that RDKit cannot sanitise gets the SMILES
    of its bare atoms and bonds, which is then rejected with the reason; one that cannot be read
    at all, and a truncated last one, a blank SMILES.
    """
    path, text = head.path, head.text
    keys: dict[_Key, None] = {}
    n_records, n_with_smiles = 0, Counter[_Key]()
    for record in _raw_records(path, text):
        found = _properties(record)
        keys |= dict.fromkeys(found)
        n_records += 1
        _check_headers(path, n_records, record)
        n_with_smiles.update(key for key in found if _is_smiles(key) and _is_filled(found[key]))
    taken = {name.casefold() for name, _ in keys}
    own = [
        "smiles of the structure" if "smiles" in taken else "smiles",
        "name of the record" if "name" in taken else "name",
    ]
    names = Names.of([*own, *(name for name, _ in keys)])
    notes = [
        f"property {key[0]!r} is blank in {n_records - n_with_smiles[key]:,} of {n_records:,} "
        "records: there the structure's SMILES was taken"
        for key in filter(_is_smiles, keys)
        if n_with_smiles[key] < n_records
    ]

    def rows() -> Iterator[list[str]]:
        for record in _raw_records(path, text):
            found, smiles = _properties(record), _smiles(record)
            for key in filter(_is_smiles, keys):
                if not _is_filled(found.get(key, "")):
                    found[key] = smiles
            yield [smiles, _title(record), *(found.get(key, "") for key in keys)]

    return Table.of_rows(path, "sdf", names, rows, (*text.notes, *notes))


def value_lines(cell: str) -> list[str]:
    """A cell's lines as a property or title of a record may hold them; none of a blank one.

    A blank, or a tab, before what has a meaning of its own (`$$$$`, `>`, a blank line …) keeps it
    from ending the value or the record.
    """
    lines = cell.strip("\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    unsafe = (_DELIMITER, ">", _END)
    escaped = [f" {line}" if not line or line.startswith(unsafe) else line for line in lines]
    escaped = [f"\t{line}" if _COUNTS.match(line) else line for line in escaped]
    return escaped if cell.strip() else []


def _is_smiles(key: _Key) -> bool:
    return key[0].casefold() == "smiles" and key[1] == 1


def _is_filled(cell: str) -> bool:
    return bool(cell.strip()) and not is_missing_word(cell)


def _raw_records(path: Path, text: Text) -> Iterator[list[str]]:
    """Each record's lines; the next structure's header begins a record, `$$$$` before it or not.

    Raises:
        InputError: If a record holds a second structure whose beginning cannot be told.
    """
    lines: list[str] = []
    n_structures = n_ends = 0
    for number, line_with_end in enumerate(text.lines(), 1):
        line = line_with_end.rstrip("\r\n")
        if line.startswith(_DELIMITER):
            yield lines or [""]
            lines, n_structures, n_ends = [], 0, 0
            continue
        if _COUNTS.match(line):
            begins = max(0, len(lines) - _N_HEADER_LINES)
            # Directly below a property's header, a structure is the property's value.
            if n_structures and begins and not _PROPERTY.match(lines[begins - 1]):
                yield lines[:begins]
                lines, n_structures, n_ends = lines[begins:], 0, 0
            n_structures += 1
        n_ends += line.rstrip() == _END
        lines.append(line)
        if n_ends > max(n_structures, 1) or len(lines) > _MOST_LINES:
            raise InputError.of(
                f"{path}, line {number}",
                got="a second structure" if n_ends > 1 else f"{_MOST_LINES:,} lines of a record",
                expected=f"a line {_DELIMITER} between two records",
                fix="Add the missing line.",
            )
    if any(line.strip() for line in lines):
        yield lines


def _end(record: list[str]) -> int | None:
    """The line that ends the structure."""
    return next((i for i, line in enumerate(record) if line.rstrip() == _END), None)


def _header(record: list[str]) -> int:
    """The counts line, which three lines precede."""
    counts = (i for i, line in enumerate(record) if _COUNTS.match(line))
    return next(counts, _N_HEADER_LINES)


def _title(record: list[str]) -> str:
    first = max(0, _header(record) - _N_HEADER_LINES)
    return "" if _COUNTS.match(record[first]) else record[first].strip()


def _properties(record: list[str]) -> dict[_Key, str]:
    """Values by name: all lines up to the next property's header, blank ones around them aside."""
    end = _end(record)
    found: dict[_Key, list[str]] = {}
    value: list[str] | None = None
    counts: Counter[str] = Counter()
    after_blank = True
    for line in record[0 if end is None else end + 1 :]:
        match = _PROPERTY.match(line)
        # A header may have a field's number alone, and no value begins with ">" after a blank.
        if match or (line.startswith(">") and after_blank):
            name = ((match[1] or match[2]) if match else line[1:]).strip()
            counts[name] += 1
            value = found[name, counts[name]] = []
        elif value is not None:
            value.append(line)
        after_blank = not line.strip()
    return {key: _joined(lines) for key, lines in found.items()}


def _check_headers(path: Path, number: int, record: list[str]) -> None:
    """Refuse what may be a property's header or a line of the value above it.

    Blank lines end values; where there are none at all, headers do.
    """
    data = list(dropwhile(lambda line: not _PROPERTY.match(line), record[_end(record) or 0 :]))
    if all(line.strip() for line in data):
        return
    for line, above in zip(data[1:], data, strict=False):
        if _PROPERTY.match(line) and above.strip() and not _PROPERTY.match(above):
            raise InputError.of(
                f"{path}, record {number}",
                got=f"{line.strip()!r} directly below {above.strip()[:40]!r}",
                expected="a blank line before a property",
                fix="Add it.",
            )


def _joined(lines: list[str]) -> str:
    filled = [i for i, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


def _smiles(record: list[str]) -> str:
    end, counts = _end(record), _header(record)
    if end is None:
        return ""
    header = ["", "", "", *record[:counts]][-_N_HEADER_LINES:]
    block = "\n".join([*header, *record[counts : end + 1], ""])
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(block) or Chem.MolFromMolBlock(block, sanitize=False)
        return "" if mol is None else str(Chem.MolToSmiles(mol))
