"""Results are written as the file's name says."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.errors import InputError
from molmeta.predict.files import check_ending, write_table

TABLE = pd.DataFrame({"smiles": ["CCO", "CC"], "p_active": [0.5, np.nan]}, index=[3, 9])


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet"])
def test_tables(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{ending}"
    write_table(TABLE, path)
    separator = "\t" if "tsv" in ending else ","
    back = pd.read_parquet(path) if ending == ".parquet" else pd.read_csv(path, sep=separator)
    pd.testing.assert_frame_equal(back, TABLE.reset_index(drop=True))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(TABLE, Path("-"))
    assert capsys.readouterr().out == "smiles,p_active\nCCO,0.5\nCC,\n"


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_a_bare_carriage_return_ends_no_row(ending: str, tmp_path: Path) -> None:
    """In a cell, or in a column's name."""
    path, separator = tmp_path / f"out{ending}", "\t" if ending == ".tsv" else ","
    for table in (TABLE.assign(note=["a\rb", "c"]), TABLE.assign(**{"no\rte": ["a", "b"]})):
        write_table(table, path)
        pd.testing.assert_frame_equal(
            pd.read_csv(path, sep=separator), table.reset_index(drop=True)
        )
        with path.open(newline="") as file:
            rows = list(csv.reader(file, delimiter=separator))
        assert rows[0] == list(table)
        assert [row[-1] for row in rows[1:]] == table.iloc[:, -1].tolist()


def test_other_endings_are_refused(tmp_path: Path) -> None:
    for name in ("out", "out.xlsx", "out.npy"):
        with pytest.raises(InputError, match=r"\.parquet"):
            check_ending(tmp_path / name)
    check_ending(tmp_path / "out.npy", also=".npy")
