"""Tables written in every way that people write them come back cell by cell, or are refused."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from molmeta.assays.formats.rows import cut
from molmeta.assays.formats.table import Names, Table
from molmeta.assays.library import find_smiles
from molmeta.assays.tables import open_table
from molmeta.errors import InputError

FOLDER = tempfile.TemporaryDirectory(prefix="molmeta-delimited-")
SMILES = ["CCO", "c1ccccc1", "CC(=O)Nc1ccc(O)cc1", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "C/C=C\\Cl"]
WORDS = ["1", "0", "", "7.92", "7,92", "benzene, pure", "a;b", "x|y", 'said "so"', "µM", "NA", "N"]
LINES = ["two\nlines", "first, of\nmany, lines\nhere", 'a "b"\r\nc', "\n", "a\n\nb"]
DELIMITERS = [",", ";", "\t", "|"]
ENDS = ["\n", "\r\n", "\r"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]
TITLES = ["Exported on Monday", "# made by hand", "", "Project 7", "#", "# a, b; c"]

molecules = st.sampled_from(SMILES)
words = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
cells = words | st.sampled_from(LINES)
names = st.lists(
    st.sampled_from(["name", "active", "IC50 (nM)", "a, b", "x;y", "CNS", "CO", "C", "µ", 'q"']),
    min_size=1,
    max_size=4,
    unique=True,
)


def file_of(content: bytes, name: str = "table.csv") -> Path:
    path = Path(FOLDER.name) / name
    path.write_bytes(content)
    return path


def rows_of(table: Table) -> list[list[str]]:
    return pd.concat(table.chunks()).to_numpy().tolist()


def written(
    rows: Sequence[Sequence[str]],
    delimiter: str = ",",
    end: str = "\n",
    encoding: str = "utf-8",
    quoting: Literal[0, 1, 2, 3] = csv.QUOTE_MINIMAL,
    before: Sequence[str] = (),
) -> Path:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows(rows)
    text = "".join(line + end for line in before) + buffer.getvalue()
    try:
        return file_of(text.encode(encoding))
    except UnicodeEncodeError:
        assume(False)
        raise


@st.composite
def tables(draw: st.DrawFn, others: st.SearchStrategy[str] = words) -> list[list[str]]:
    header = draw(names)
    at = draw(st.integers(0, len(header)))
    header.insert(at, draw(st.sampled_from(["smiles", "SMILES", "canonical_smiles"])))
    rows = draw(
        st.lists(
            st.lists(others, min_size=len(header), max_size=len(header)), min_size=1, max_size=8
        )
    )
    for row in rows:
        row[at] = draw(molecules)
    return [header, *rows]


@given(
    table=tables(cells),
    delimiter=st.sampled_from(DELIMITERS),
    end=st.sampled_from(ENDS),
    encoding=st.sampled_from(ENCODINGS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    before=st.lists(st.sampled_from(TITLES), max_size=3),
)
@settings(max_examples=300)
def test_tables_come_back_or_are_refused(
    table: list[list[str]],
    delimiter: str,
    end: str,
    encoding: str,
    quoting: Literal[0, 1, 2, 3],
    before: list[str],
) -> None:
    if end == "\r":  # else csv leaves cells with other line ends bare
        quoting = csv.QUOTE_ALL
    path = written(table, delimiter, end, encoding, quoting, before)
    if encoding == "cp1252":  # bytes that happen to be UTF-8 too are read as that
        assume(path.read_bytes().isascii() or not _is_utf8(path.read_bytes()))
    try:
        opened = open_table(path)
        read = rows_of(opened)
    except InputError as error:
        reason = str(error)
    else:
        event("read")
        assert read == table[1:]
        assert opened.columns == tuple(name.strip() for name in table[0])
        return
    event("refused")
    several_lines = any("\n" in cell for row in table for cell in row)
    assert several_lines or any(delimiter in title for title in before), reason


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@given(
    table=tables(st.sampled_from(["1", "0", "", "7.5", "word", 'x"', '"x', '"', '"x"', "2'-O"])),
    delimiter=st.sampled_from(DELIMITERS),
)
@example([["smiles", "name"], ["CCO", '"a'], ["CC", "b"], ["C", 'c"']], ",")
@example(
    [["name", "smiles", "active", "IC50 (nM)", "note"],
     ['"x', "CCO", 'x"', "1", '"x'], ['x"', "CCO", '"x', "1", 'x"']], ",",
)  # fmt: skip
@settings(max_examples=200)
def test_stray_quotes_swallow_nothing(table: list[list[str]], delimiter: str) -> None:
    table[0] = [f"column {i}" if '"' in name else name for i, name in enumerate(table[0])]
    assume(not any(delimiter in name for name in table[0]))
    text = "".join(delimiter.join(row) + "\n" for row in table)
    try:
        read = rows_of(open_table(file_of(text.encode())))
    except InputError as error:
        reason = str(error)
    else:
        reason = ""
    event("refused" if reason else "read")
    if reason:
        assert ", line " in reason
        return
    unquoted = [[cell.replace('"', "") for cell in row] for row in table[1:]]
    assert [[cell.replace('"', "") for cell in row] for row in read] == unquoted


@given(tables(), st.sampled_from(DELIMITERS), st.data())
@settings(max_examples=60)
def test_a_row_with_more_cells_is_refused_by_its_line(
    table: list[list[str]], delimiter: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(table) - 1))
    long = [*table[:at], [*table[at], *data.draw(st.sampled_from([["x"], ["", "92"]]))]]
    path = written([*long, *table[at + 1 :]], delimiter)
    with pytest.raises(InputError, match=f"line {at + 1};.*fit the header"):
        rows_of(open_table(path))


@given(tables(), st.sampled_from(DELIMITERS), st.data())
@settings(max_examples=60)
def test_blank_cells_beyond_the_header_and_missing_ones(
    table: list[list[str]], delimiter: str, data: st.DataObject
) -> None:
    counts = [data.draw(st.integers(0, 3)) for _ in table[1:]]
    ragged = [[*row, *[""] * n] for row, n in zip(table[1:], counts, strict=True)]
    assert rows_of(open_table(written([table[0], *ragged], delimiter))) == table[1:]
    # A short row whose quotes hold delimiters could be a whole one with stray quotes.
    short = [
        row[:-1] if row[-1] == "" and len(row) > 2 and delimiter not in "".join(row) else row
        for row in table[1:]
    ]
    assume(any(len(row) == len(table[0]) for row in short))  # else the header is too wide
    assert rows_of(open_table(written([table[0], *short], delimiter))) == table[1:]


@pytest.mark.parametrize("at", [2, 900, 2_001])
def test_a_long_row_in_any_chunk(at: int) -> None:
    lines = ["smiles,pIC50", *["CCO,7.92"] * 2_000]
    lines[at - 1] = "CCO,7,92"
    with pytest.raises(InputError, match=f"line {at};"):
        list(open_table(file_of("\n".join(lines).encode())).read(1_000))


@given(st.lists(words | st.sampled_from(LINES), min_size=1), st.sampled_from(DELIMITERS))
def test_cut_is_rfc_4180(row: list[str], delimiter: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerow(row)
    assert cut(buffer.getvalue().removesuffix("\n"), delimiter) == row


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("smiles_last", [False, True])
def test_no_header_is_refused(delimiter: str, smiles_last: bool) -> None:
    rows = [("CCO", "1"), ("c1ccccc1", "0"), ("CCN", "1"), ("c1ccccc", "0")]
    for rotated in (rows, rows[::-1]):  # the first one does not parse, but is no name
        cells = [row[::-1] if smiles_last else row for row in rotated]
        if delimiter == "\t" and not smiles_last:
            continue  # a SMILES file
        with pytest.raises(InputError, match=r"Add a header line such as .*\.smi"):
            open_table(written(cells, delimiter))


@pytest.mark.parametrize("name", ["CNS", "CO", "C", "N", "SO2"])
def test_names_that_are_molecules_too(name: str) -> None:
    path = written([["structure", name], ["CCO", "1"], ["CC", "0"]])
    assert open_table(path).columns == ("structure", name)
    path = written([["my molecules", name], ["CCO", "1"], ["CC", "0"]])
    assert find_smiles(open_table(path)) == "my molecules"


@pytest.mark.parametrize(
    ("before", "note"),
    [
        ("# made by hand\n#\n", "'# made by hand' and 1 more"),
        ("My project\n\n", "'My project'"),
        ("Project X, batch 3\n", "'Project X"),
        ("sep=;\n", ""),
    ],
)
def test_lines_before_the_header(before: str, note: str) -> None:
    mark = ";" if "sep" in before else ","
    text = before + "name,smiles,active\n1,CCO,1\n2,CC,0\n".replace(",", mark)
    table = open_table(file_of(text.encode()))
    assert table.columns == ("name", "smiles", "active")
    assert len(rows_of(table)) == 2
    assert note in "".join(table.notes)
    with pytest.raises(InputError, match=f"line {before.count(chr(10)) + 3};"):
        rows_of(
            open_table(file_of((text + "x,y;z;,;,4\n").replace("2" + mark, "2,;" * 4).encode()))
        )


def test_a_title_as_wide_as_the_table_is_refused() -> None:
    with pytest.raises(InputError, match="Remove the lines above"):
        open_table(file_of(b"Exported on Monday, 3 May\nsmiles,active\nCCO,1\nCC,0\n"))


def test_a_header_behind_a_hash() -> None:
    table = open_table(file_of(b"#smiles,active\nCCO,1\nCC,0\n"))
    assert table.columns == ("smiles", "active")
    assert open_table(file_of(b"#,smiles\n1,CCO\n2,CC\n")).columns == ("#", "smiles")


def test_repeated_columns_are_numbered_and_never_meant() -> None:
    table = open_table(file_of(b"smiles,chain,chain,chain.2,\nCCO,a,b,c,d\n"))
    assert table.columns == ("smiles", "chain", "chain.3", "chain.2", "column_5")
    assert table.repeated == {"chain"}
    assert "'chain'" in table.notes[0]
    twice = open_table(file_of(b"smiles,smiles\nCCO,CC\n"))
    with pytest.raises(InputError, match="more than once"):
        find_smiles(twice)
    assert find_smiles(twice, "smiles.2") == "smiles.2"
    assert Names.of(["a", "a", "b"]).columns == ("a", "a.2", "b")


@pytest.mark.parametrize(("encoding", "note"), [("utf-16", "utf-16"), ("cp1252", "cp1252")])
def test_encodings_are_said(encoding: str, note: str) -> None:
    table = open_table(written([["smiles", "IC50 (µM)"], ["CCO", "é"]], encoding=encoding))
    assert table.columns[1] == "IC50 (µM)"
    assert rows_of(table) == [["CCO", "é"]]
    assert note in table.notes[0]


def test_a_header_longer_than_the_first_look() -> None:
    header = ["smiles", *(f"assay {i:020d}" for i in range(5_000))]
    table = open_table(written([header, ["CCO", *["1"] * 5_000]]))
    assert list(table.columns) == header
    assert rows_of(table)[0][-1] == "1"


@pytest.mark.parametrize(
    ("cells", "notation"),
    [
        (["InChI=1S/CH4/h1H4", "InChI=1S/C2H6/c1-2/h1-2H3"], "InChI"),
        (["VNWKTOKETHGBQD-UHFFFAOYSA-N", "OTMSDBZUPAUEDD-UHFFFAOYSA-N"], "InChIKey"),
        (["[C][C][O]", "[C][=C][Branch1][C][O][N]"], "SELFIES"),
    ],
)
@pytest.mark.parametrize("name", ["smiles", "molecule"])
def test_other_notations_are_said_by_name(cells: list[str], notation: str, name: str) -> None:
    path = written([[name, "active"], *([cell, "1"] for cell in cells)])
    with pytest.raises(InputError, match=f"{name}.*got {notation};"):
        find_smiles(open_table(path))


@pytest.mark.parametrize("name", ["'hERG, 10 uM'", "hERG, 10 uM"])
def test_a_header_wider_than_its_rows_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"line 1; got 4 names .* rows of 3 cells"):
        open_table(file_of(f"smiles,NR-AR,{name}\nCCO,1,0\nCC,0,1\n".encode()))
    assert len(rows_of(open_table(file_of(b"smiles,active,\nCCO,1\nCC,0\n")))) == 2


@pytest.mark.parametrize(
    "rows", ["CCO,1,4-dioxane,1,0\nCCN,x,1,0\nCCC,y,0,1\n", "CCO,1,1,0,\nCCN,2,1,0,\n"]
)
def test_a_delimiter_in_a_name_and_in_some_cells_is_refused(rows: str) -> None:
    text = f"SMILES,name,NR-AR,hERG, 10 uM\n{rows}"
    with pytest.raises(InputError, match="a blank before the name '10 uM'"):
        open_table(file_of(text.encode()))


def test_columns_without_names_are_refused() -> None:
    with pytest.raises(InputError, match="2 columns with cells and without names"):
        open_table(file_of(b"smiles,,\nCCO,1,0\nCC,0,1\n"))
    assert len(rows_of(open_table(file_of(b",smiles,active\n0,CCO,1\n1,CC,0\n")))) == 2


def test_a_header_behind_a_hash_loses_its_quotes_too() -> None:
    table = open_table(file_of(b'#"smiles","active"\n"CCO","1"\n"CC","0"\n'))
    assert table.columns == ("smiles", "active")


def test_a_table_of_two_small_molecules_without_a_header_is_refused() -> None:
    with pytest.raises(InputError, match="the molecule 'CCO' where the header should be"):
        open_table(file_of(b"CCO,1\nCC,0\n"))
    assert open_table(file_of(b"smiles,CNS\nCCO,1\nCC,0\n")).columns == ("smiles", "CNS")
