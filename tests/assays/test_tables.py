"""Files as tables: every honest form is read, every hostile one refused with the reason."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays import load_assays
from molmeta.assays.tables import open_table
from molmeta.errors import InputError

TEXT = 'smiles,active,name\nCCO,1,ethanol\nc1ccccc1,0,"benzene, pure"\n'


def rows_of(path: Path) -> pd.DataFrame:
    return pd.concat(open_table(path).chunks())


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.rstrip("\n").encode(),
        gzip.compress(TEXT.encode()),
        bz2.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
    ],
    ids=["plain", "bom", "crlf", "no-last-newline", "gzip", "bzip2", "xz"],
)
def test_every_honest_form_reads_alike(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.dat"  # the name says nothing
    path.write_bytes(content)
    rows = rows_of(path)
    assert list(rows) == ["smiles", "active", "name"]
    assert rows["smiles"].tolist() == ["CCO", "c1ccccc1"]
    assert rows["name"].tolist() == ["ethanol", "benzene, pure"]
    assert rows.index.tolist() == [0, 1]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_is_sniffed(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(delimiter.join(["smiles", "y"]) + "\n" + delimiter.join(["CC(C)O", "1"]) + "\n")
    assert rows_of(path).to_dict("list") == {"smiles": ["CC(C)O"], "y": ["1"]}


def test_parquet_reads_like_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"smiles": ["CCO", None], "active": [1.0, 0.0]}, index=[7, 8])
    frame.to_parquet(tmp_path / "table.parquet")
    table = open_table(tmp_path / "table.parquet")
    assert table.columns[:2] == ("smiles", "active")
    assert rows_of(tmp_path / "table.parquet").index.tolist() == [0, 1]


def test_rows_are_numbered_across_chunks(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("smiles\n" + "C\n" * 2500)
    table = open_table(path)
    chunks = list(table.read(1000))
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 500]
    assert chunks[2].index[0] == 2000


def test_short_rows_are_kept_with_blank_cells(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("smiles,active\nCCO,1\nCC\n")
    assert rows_of(path)["active"].tolist() == ["1", ""]


def test_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n\nsmiles\nCCO\n\nCC\n")
    assert rows_of(path)["smiles"].tolist() == ["CCO", "", "CC"]
    path.write_text("\nsmiles,active\nCCO,1\n\nCC,0\n")
    assert rows_of(path)["smiles"].tolist() == ["CCO", "CC"]


def test_one_long_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"smiles,active\nCCO,1\n{'C' * 10_000_000},0\n")
    assert rows_of(path)["smiles"].str.len().tolist() == [3, 10_000_000]
    audit = load_assays(path).audit
    assert audit["action"].tolist() == ["kept", "dropped"]
    assert audit["reason"][1].startswith("10,000,000 characters")


HOSTILE = {
    "empty": (b"", "empty file"),
    "blank": (b"\xef\xbb\xbf \n\n", "empty file"),
    "header only": (b"smiles,active\n", "no rows"),
    "truncated gzip": (gzip.compress(TEXT.encode() * 9000)[:-400], "truncated"),
    "damaged gzip": (gzip.compress(TEXT.encode() * 9)[:40] + b"x" * 50, "damaged"),
    "gzip of nothing": (gzip.compress(b""), "empty file"),
    "web page": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
    "archive": (b"PK\x03\x04" + bytes(100), "no workbook"),
    "damaged workbook": (b"\xd0\xcf\x11\xe0" + bytes(100), "no workbook"),
    "NUL bytes": (b"smiles,active\nCC\x00O,1\n", "NUL"),
    "utf-16 without a mark": (TEXT.encode("utf-16-le"), "NUL"),
    "late NUL": (TEXT.encode() + b"CCO,1,x\n" * 50_000 + b"C\0C,1,y\n", "NUL"),
    "two encodings": ("smiles,unit\nCCO,µM\n".encode() + b"CC,\xb5M\n", "not utf-8"),
    "neither of both": (b"smiles,unit\nCCO,\x81\n", "not utf-8"),
    "too many cells": (TEXT.encode() + b"CCO,1,x,y,z\n", "fit the header"),
    "too many cells everywhere": (b"smiles,active\nCCO,1,2\nCC,0,2\n", "fit the header"),
    "open quote": (b'smiles,active\n"CCO,1\nCC,0\n', "fit the header"),
    "damaged parquet": (b"PAR1" + bytes(200), "Parquet"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    content, reason = HOSTILE[name]
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as raised:
        rows_of(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_table(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="a folder"):
        open_table(tmp_path)
