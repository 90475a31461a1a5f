"""SDF: one record a molecule, its properties become columns (CTfile formats, BIOVIA 2020)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from rdkit import Chem, rdBase

from molmeta.assays.formats.files import open_bytes
from molmeta.assays.formats.table import Table, in_chunks, unique_names

# A property's header is "> <NAME>", with numbers and tags around the name.
_PROPERTY = re.compile(r"^>[^<\n]*<([^>\n]+)>")
_MAX_RECORD_LINES = 200_000


def recognises(path: Path, head: bytes) -> bool:
    """Whether the counts line or the end of a first molecule stands where it belongs."""
    lines = head.splitlines()[:4]
    return len(lines) == 4 and lines[3].rstrip().endswith((b"V2000", b"V3000"))


def open_table(path: Path, head: bytes) -> Table:
    """The columns are `smiles`, `name` (the title line) and every property of any record.

    The whole file is passed once for the properties' names. A molecule that RDKit cannot
    sanitise gets the SMILES of its bare atoms and bonds, which is then rejected with the reason;
    one that cannot be read at all, and a truncated last one, a blank SMILES.
    """
    seen: dict[str, None] = {}
    for record in _raw_records(path):
        seen |= dict.fromkeys(m[1].strip() for line in record if (m := _PROPERTY.match(line)))
    own = [name for name in ("smiles", "name") if name not in map(str.casefold, seen)]
    molecule = "smiles" if "smiles" in own else "smiles of the structure"
    title = "name" if "name" in own else "name of the record"
    columns = unique_names(path, [molecule, title, *seen])

    def records() -> Iterator[dict[str, str]]:
        for record in _raw_records(path):
            yield {molecule: _smiles(record), title: record[0].strip(), **_properties(record)}

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        return in_chunks(records(), columns, n_rows)

    return Table(path, columns, read, "sdf")


def _raw_records(path: Path) -> Iterator[list[str]]:
    """Each record's lines; bytes that are not UTF-8 occur in names and are replaced."""
    lines: list[str] = []
    with open_bytes(path) as stream:
        for line in stream:
            text = line.decode("utf-8", errors="replace").rstrip("\r\n")
            if text.startswith("$$$$"):
                yield lines or [""]
                lines = []
            elif len(lines) < _MAX_RECORD_LINES:
                lines.append(text)
    if any(line.strip() for line in lines):
        yield lines


def _properties(record: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = None
    for line in record:
        if match := _PROPERTY.match(line):
            name = match[1].strip()
            found[name] = ""
        elif name is not None and line.strip():
            found[name] = f"{found[name]}\n{line}" if found[name] else line
        else:
            name = None
    return found


def _smiles(record: list[str]) -> str:
    end = next((i for i, line in enumerate(record) if line.startswith("M  END")), None)
    if end is None:
        return ""
    block = "\n".join(record[: end + 1]) + "\n"
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(block) or Chem.MolFromMolBlock(block, sanitize=False)
        return "" if mol is None else str(Chem.MolToSmiles(mol))
