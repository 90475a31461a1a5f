"""Whatever the bytes, a reader gives rows or an InputError: no crash, no hang, no row lost."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from molmeta.assays import load_assays
from molmeta.assays.tables import open_table
from molmeta.errors import InputError

FOLDER = tempfile.TemporaryDirectory(prefix="molmeta-fuzz-")
quick = settings(max_examples=200)
slower = settings(max_examples=25)
HEADERS = [
    b"smiles,active\n",
    b"assay_id;smiles;label\n",
    b"smiles\tvalue\trelation\n",
    b'{"SMILES": "CCO", "Property": "1.0"}\n',
    b"CCO ethanol\nCC ethane\n",
    b"name\n  x\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0 0.0 0.0 C 0 0\nM  END\n",
    b"\x1f\x8b\x08\x00",
    b"PAR1",
    b"",
]
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


def file_of(content: bytes) -> Path:
    path = Path(FOLDER.name) / "fuzz.csv"
    path.write_bytes(content)
    return path


@given(st.sampled_from(HEADERS), st.binary(max_size=300), st.booleans())
@example(b"", b"\x0b", False)  # white space that no line ends with
@example(b"", b";", False)  # nothing but a delimiter
@example(b"\n" * 30, b"smiles\nC\n", False)  # more blank lines than are looked at
@quick
def test_any_bytes(header: bytes, body: bytes, zipped: bool) -> None:
    content = header + body
    path = file_of(gzip.compress(content)[: 20 + len(content)] if zipped else content)
    try:
        rows = pd.concat(open_table(path).chunks())
    except InputError:
        return
    assert rows.index.tolist() == list(range(len(rows)))
    assert not rows.isna().any().any()


@given(st.lists(st.tuples(TEXT, st.sampled_from(["0", "1", "", "yes", "NA"]))))
@slower
def test_any_cells_come_back_and_every_row_is_accounted_for(rows: list[tuple[str, str]]) -> None:
    rows = [*rows, ("CCO", "1")]  # without a molecule and a label the file is refused
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([("smiles", "active"), *rows])
    path = file_of(buffer.getvalue().encode())
    read = pd.concat(open_table(path).chunks())
    assert list(zip(read["smiles"], read["active"], strict=True)) == rows
    store = load_assays(path)
    assert store.audit["row"].tolist() == list(range(len(rows)))
    assert (store.audit["action"] == "kept").sum() == store.assay(0).kept.sum()


@given(st.lists(st.lists(st.sampled_from(["", "0", "1", "0.0", "1.0"]), min_size=3, max_size=3)))
@slower
def test_wide_tables_lose_no_cell(cells: list[list[str]]) -> None:
    lines = [f"C,m{i},{','.join(row)}" for i, row in enumerate(cells)]
    path = file_of("\n".join(["smiles,name,A,B,C", *lines]).encode())
    n_tested = sum(cell != "" for row in cells for cell in row)
    n_untested = sum(set(row) == {""} for row in cells)
    if n_tested == 0:
        with pytest.raises(InputError):
            load_assays(path)
        return
    store = load_assays(path)
    assert len(store.audit) == n_tested + n_untested
    assert sum(len(store.assay(key)) for key in store.assay_ids) == n_tested


@pytest.mark.parametrize(
    "smiles",
    ["C" * 10_000, "[Fe]", "*CC", "C>>C", "", "[Na+].[Cl-]", "[13CH4]", "nan", "c1ccccc", "é"],
)
def test_odd_molecules_are_kept_or_named(smiles: str) -> None:
    path = file_of(f"smiles,active\n{smiles},1\nCCO,1\nCC,0\n".encode())
    audit = load_assays(path).audit
    assert audit["row"].tolist() == [0, 1, 2]
    assert (audit["action"][0] == "kept") == (audit["reason"][0] == "")


def test_rows_before_a_truncation_are_streamed() -> None:
    content = gzip.compress(b"smiles,active\n" + b"CCO,1\n" * 400_000, compresslevel=0)
    chunks = open_table(file_of(content[: len(content) // 2])).read(1000)
    assert len(next(chunks)) == 1000
    with pytest.raises(InputError, match="truncated"):
        list(chunks)
