"""From a spreadsheet to a ranked one, as a chemist would: what is written, and what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from molmeta_cli.console import show_table

from tests.cli.program import molmeta
from tests.generators.molecules import NANOMOLAR, SMILES

NEW = ["CCOc1ccc(CCN)cc1", "Cc1ccc(O)cc1", "O=C(O)c1ccccc1", "CCCCCC", "c1ccc2ncccc2c1"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "70")
    names = [f"CPD-{i}" for i in range(20)]
    measured = pd.DataFrame({"Compound": names, "SMILES": SMILES, "IC50 (nM)": NANOMOLAR})
    with pd.ExcelWriter("ic50.xlsx") as book:
        measured.to_excel(book, sheet_name="May", index=False)
        measured[:2].to_excel(book, sheet_name="June", index=False)
    smiles = [*NEW, SMILES[0], "C1CC", "=cmd|' /C calc'!A0"]
    library = pd.DataFrame({"id": [f"L{i}" for i in range(8)], "smiles": smiles, "price": range(8)})
    library.to_csv("library.csv", index=False)
    return tmp_path


def test_one_command_makes_a_ranked_workbook(folder: Path) -> None:
    done = molmeta("predict", "--support", "ic50.xlsx", "--input", "library.csv", "-o", "out.xlsx")
    assert done.returncode == 0, done.stderr
    table = pd.read_excel("out.xlsx", engine="calamine")
    assert table["rank"].tolist()[:5] == [1, 2, 3, 4, 5]
    assert table["p_active"][:5].is_monotonic_decreasing
    assert set(table["id"][:5]) == {"L0", "L1", "L2", "L3", "L4"}
    assert table["id"].tolist()[5:] == ["L5", "L6", "L7"]
    assert table["already_measured"].tolist() == [False] * 5 + [True] + [False] * 2
    assert table["measured_value"][5] == 7.921
    sheet = openpyxl.load_workbook("out.xlsx").worksheets[0]
    assert sheet["B9"].value.startswith("=cmd")
    assert sheet["B9"].data_type == "s"
    assert sheet["C2"].value in range(5)


def test_it_says_what_was_taken_and_the_best(folder: Path) -> None:
    done = molmeta("predict", "--support", "ic50.xlsx", "--input", "library.csv", "-o", "out.xlsx")
    told = done.stderr.splitlines()
    assert "active is pXC50 > 6 (below 1,000 nM), the default" in told
    assert "ic50.xlsx: the first sheet, 'May', was read of 2" in told
    start = next(i for i, line in enumerate(told) if line.startswith("rank"))
    assert told[start].split() == [
        "rank",
        "id",
        "p_active",
        "predicted_value",
        "similarity",
        "in_domain",
        "smiles",
    ]
    assert [line.split()[0] for line in told[start + 1 : start + 6]] == list("12345")
    assert max(map(len, told[start : start + 6])) <= 70
    assert told[-1] == (
        "out.xlsx: 8 rows, best first: 5 new molecules, 1 already measured, "
        "2 rejected (reason says why)"
    )


def test_a_library_of_smiles_alone_has_no_names(folder: Path) -> None:
    Path("bare.smi").write_text("\n".join(NEW) + "\n")
    call = ("--support", "ic50.xlsx", "--input", "bare.smi", "-o", "out.csv", "--properties")
    done = molmeta("predict", *call, "--show", "1")
    told = next(line for line in done.stderr.splitlines() if line.startswith("rank"))
    assert told.split() == [
        "rank",
        "p_active",
        "predicted_value",
        "similarity",
        "in_domain",
        "smiles",
    ]
    assert {"mw", "brenk_alerts"} <= set(pd.read_csv("out.csv"))
    assert "rank " not in molmeta("predict", *call, "--show", "0").stderr


def test_a_sheet_is_named(folder: Path) -> None:
    call = ("--support", "ic50.xlsx", "--input", "library.csv", "-o", "out.csv")
    done = molmeta("predict", *call, "--sheet", "June")
    assert "support set ic50: 2 molecules" in done.stderr
    for flag, got in (("--sheet", "Did you mean 'June'"), ("--input-sheet", "without sheets")):
        done = molmeta("predict", *call, flag, "Jun")
        assert done.returncode == 2
        assert got in done.stderr
    done = molmeta("predict", "--support", "ic50.xlsx", "-o", "out.csv", "--input-sheet", "May")
    assert done.returncode == 2
    assert "expected --input" in done.stderr


def test_screen_and_suggest_take_the_same_table(folder: Path) -> None:
    given = ("--support", "ic50.xlsx", "--input", "library.csv", "-o")
    suggested = molmeta("suggest", *given, "next.xlsx", "-n", "2")
    assert pd.read_excel("next.xlsx", engine="calamine")["rank"].tolist() == [1, 2]
    screened = molmeta("screen", *given, "hits", "--top", "3")
    for done in (suggested, screened):
        assert done.returncode == 0, done.stderr
        assert "active is pXC50 > 6 (below 1,000 nM), the default" in done.stderr


def test_what_was_learnt_is_kept_and_taken_again(folder: Path) -> None:
    given = ("predict", "--input", "library.csv", "-o")
    first = molmeta(*given, "first.csv", "--support", "ic50.xlsx", "--save", "egfr.molmeta")
    second = molmeta(*given, "second.csv", "--support", "egfr.molmeta")
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert Path("first.csv").read_bytes() == Path("second.csv").read_bytes()
    assert Path("egfr.molmeta").stat().st_size < 200_000
    for wrong, got in (
        (("--threshold", "6"), "learnt already"),
        (("--labels-only",), "learnt already"),
        (("--model", "fingerprint"), "by the model 'default'"),
        (("--save", "egfr.molmeta"), "a file that is read as well"),
        (("--save", "egfr.txt"), "ends with .molmeta"),
    ):
        done = molmeta(*given, "third.csv", "--support", "egfr.molmeta", *wrong)
        assert done.returncode == 2, done.stderr
        assert got in done.stderr
    done = molmeta("predict", "--support", "egfr.molmeta", "-o", "third.csv")
    assert "no --input" in done.stderr
    assert not Path("third.csv").exists()


def test_every_verb_takes_what_was_learnt(folder: Path) -> None:
    given = ("--input", "library.csv", "-o")
    save = ("--support", "ic50.xlsx", "--save", "egfr.molmeta")
    assert molmeta("predict", *given, "p.csv", *save).returncode == 0
    for verb, more, out in (("suggest", ("-n", "3"), ""), ("screen", ("--top", "3"), "/top.csv")):
        for support in ("ic50.xlsx", "egfr.molmeta"):
            to = f"{verb}-{support[:4]}{'' if out else '.csv'}"
            done = molmeta(verb, *given, to, *more, "--support", support)
            assert done.returncode == 0, done.stderr
        ends = (f"{verb}-{one}{out or '.csv'}" for one in ("ic50", "egfr"))
        first, second = (pd.read_csv(one) for one in ends)
        if verb == "screen":
            assert set(first.pop("assay")) == {"ic50"}
            assert set(second.pop("assay")) == {"ic50"}
        assert first["id"].tolist() == second["id"].tolist()
        np.testing.assert_allclose(first["p_active"], second["p_active"], atol=1e-6)
    Path("mine.csv").write_text("smiles,active\nCCO,1\nCCC,0\n")
    both = ("--support", "mine.csv", "--support", "egfr.molmeta")
    done = molmeta("screen", *given, "both", *both)
    assert done.returncode == 0, done.stderr
    assert "p_active_mine" in pd.read_parquet("both/part-00000000.parquet")
    assert "assays: 2; measured molecules of all: 22" in done.stderr


def test_every_verb_refuses_a_file_that_is_no_learnt_assay(folder: Path) -> None:
    Path("broken.molmeta").write_bytes(b"\x80\x04\x95pickle")
    for verb in ("predict", "suggest", "screen"):
        call = (verb, "--input", "library.csv", "-o", "out.csv", "--support")
        for file, got in (("broken.molmeta", "cannot be read"), ("gone.molmeta", "no such file")):
            done = molmeta(*call, file)
            assert done.returncode == 2, done.stderr
            assert got in done.stderr
    assert not Path("out.csv").exists()


def test_hits_of_a_screening_are_a_workbook(folder: Path) -> None:
    call = ("screen", "--support", "ic50.xlsx", "--input", "library.csv", "-o", "out")
    done = molmeta(*call, "--top", "6", "--hits", "hits.xlsx")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "hits.xlsx: 6 rows, each assay's best first"
    table = pd.read_excel("hits.xlsx", engine="calamine")
    assert table["rank"].tolist()[:5] == [1, 2, 3, 4, 5]
    assert table["measured_value"][5] == 7.921
    assert {"predicted_value", "nearest_support", "in_domain"} <= set(table)
    again = molmeta(*call, "--top", "6", "--hits", "hits.csv", "--properties")
    assert "went on after 8 rows" in again.stderr
    assert pd.read_csv("hits.csv")["mw"].notna().all()
    for wrong, got in (
        (("--hits", "hits.xlsx"), "no --top"),
        (("--top", "6", "--hits", "hits.doc"), "the ending '.doc'"),
        (("--top", "6", "--hits", "library.csv"), "a file that is read as well"),
        (("--top", "6", "--properties"), "no --hits"),
    ):
        done = molmeta(*call[:-1], "wrong", *wrong)
        assert done.returncode == 2
        assert got in done.stderr
    Path("named.csv").write_text("smiles,name\nCCO,=1+1\n")
    done = molmeta(*call[:3], "--input", "named.csv", "-o", "n", "--top", "1", "--hits", "n.xlsx")
    assert done.returncode == 0, done.stderr
    cell = openpyxl.load_workbook("n.xlsx").worksheets[0]["C2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    Path("clash.csv").write_text("smiles,reason\nCCO,1\n")
    done = molmeta(*call[:3], "--input", "clash.csv", "-o", "c", "--top", "1", "--hits", "n.xlsx")
    assert (done.returncode, "'reason'" in done.stderr) == (2, True)
    assert not Path("c").exists()


def test_columns_of_two_assays_are_set_side_by_side(folder: Path) -> None:
    panel = pd.DataFrame({"SMILES": SMILES, "EGFR IC50 (nM)": NANOMOLAR})
    panel["HER2 IC50 (uM)"] = [None, *reversed(NANOMOLAR[1:])]
    panel.to_csv("panel.csv", index=False)
    call = ("predict", "--support", "panel.csv", "--input", "library.csv", "-o")
    done = molmeta(*call, "out.xlsx", "--show", "2")
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert "support set EGFR IC50 (nM): 20 molecules, 11 active" in told
    assert any(line.startswith("support set HER2 IC50 (uM): 19 molecules") for line in told)
    assert told[-1].startswith("out.xlsx: 8 rows, in the input's order; 2 assays")
    both = pd.read_excel("out.xlsx", engine="calamine")
    assert both["id"].tolist() == [f"L{i}" for i in range(8)]
    alone = molmeta(*call, "one.csv", "--value-column", "HER2 IC50 (uM)", "--keep-order")
    assert alone.returncode == 0, alone.stderr
    one = pd.read_csv("one.csv")
    for name in ("rank", "p_active", "measured_value", "predicted_value"):
        expected = one[name].to_numpy(float)
        np.testing.assert_allclose(both[f"{name}_HER2 IC50 (uM)"].to_numpy(float), expected)
    screened = molmeta("screen", *call[1:], "hits", "--top", "2")
    assert screened.returncode == 0, screened.stderr
    names = pd.read_csv("hits/top.csv")["assay"].tolist()
    assert names == ["EGFR IC50 (nM)"] * 2 + ["HER2 IC50 (uM)"] * 2
    for wrong, got in (
        (("--report", "r.html"), "got 2 assays"),
        (("--save", "both.molmeta"), "got 2 assays"),
    ):
        done = molmeta(*call, "out.csv", *wrong)
        assert (done.returncode, got in done.stderr) == (2, True)
    done = molmeta("predict", "--support", "panel.csv", "-o", "out.csv")
    assert (done.returncode, "no --input" in done.stderr) == (2, True)
    done = molmeta("suggest", *call[1:], "next.csv")
    assert (done.returncode, "Name it with --value-column" in done.stderr) == (2, True)
    assert not Path("out.csv").exists()


def test_figures_of_suggestions_are_rounded(folder: Path) -> None:
    call = ("suggest", "--support", "ic50.xlsx", "--input", "library.csv", "-o", "next.csv")
    assert molmeta(*call).returncode == 0
    table = pd.read_csv("next.csv")
    for name in ("p_active", "score"):
        assert (table[name] == table[name].round(3)).all()
    assert len(table) == 5


def test_a_table_fits_the_terminal_and_shows_no_controls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    show_table(["n", "smiles", "p"], [["1", "C" * 40, "0.5"], ["2", "\x1b[2JC", "1"]], "smiles")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"n  {'smiles':<22}  p",
        f"1  {'C' * 21}…  0.5",
        f"2  {'?[2JC':<22}  1",
    ]
