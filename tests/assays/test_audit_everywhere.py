"""Rows read = rows used + rows accounted for: every reader on every file, and every verb."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from molmeta.assays import AssayStore, Columns, drug_mechanisms, load_assays
from molmeta.errors import InputError
from tests.cli.program import molmeta
from tests.generators.choices import Combination
from tests.generators.files import write
from tests.generators.molecules import NANOMOLAR, SMILES

CASES = Path(__file__).parent / "cases"
SUM = re.compile(r"([\d,]+) rows = ([\d,]+) kept \+ ([\d,]+) merged \+ ([\d,]+) dropped")


def sums(text: str) -> list[int]:
    """The numbers of rows that a verb says it read; each is the sum of its parts."""
    found = []
    for match in SUM.finditer(" ".join(text.split())):
        n_rows, *parts = (int(number.replace(",", "")) for number in match.groups())
        assert n_rows == sum(parts), match[0]
        found.append(n_rows)
    return found


def n_lines(path: Path) -> int:
    """Lines below the header, blank ones aside: of files whose cells hold no line ends."""
    opened = gzip.open if path.suffix == ".gz" else Path.open
    with opened(path, "rt", encoding="utf-8") as file:
        return sum(bool(line.strip()) for line in file) - 1


def assert_each_row_once(store: AssayStore, n_rows: int) -> None:
    """Each row of a long table has one row in the audit."""
    audit = store.audit
    assert audit["row"].is_unique
    assert len(audit) == n_rows
    assert_reasons(audit)


def assert_each_cell_once(store: AssayStore, n_rows: int) -> None:
    """Each row of a wide table is in the audit, once an assay."""
    audit = store.audit
    assert audit["row"].nunique() == n_rows
    assert not audit.duplicated(["row", "assay_id"]).any()
    assert_reasons(audit)


def assert_reasons(audit: pd.DataFrame) -> None:
    assert set(audit["action"]) <= {"kept", "merged", "dropped"}
    assert (audit.loc[audit["action"] != "kept", "reason"] != "").all()


# File, what is told, how many rows it has (counted by hand).
CASE_FILES = [
    ("trailing_commas.csv", {}, 20),
    ("headerless.csv", {}, 20),
    ("quote.tsv", {}, 20),
    ("pic50_molar.csv", {"threshold": 6, "value_column": "pIC50 (M)"}, 20),
    ("log_ic50_nm.csv", {"threshold": 6, "value_column": "log IC50 [nM]"}, 20),
    ("percent_at_dose.csv", {"threshold": 50, "value_column": "% inhibition @ 10 uM"}, 20),
    ("target_ic50.csv", {"threshold": 6, "value_column": "CDK2_IC50", "units": "nM"}, 20),
    ("mic.csv", {"threshold": 6, "value_column": "MIC", "units": "ug/mL"}, 20),
    ("chembl_mixed_types.csv", {"threshold": 6}, 30),
    ("chembl_mixed_types.csv", {}, 30),
    ("chembl_log_type.csv", {"threshold": 6}, 20),
    ("chembl_columns.csv", {"threshold": 6}, 20),
    ("2024-05-AID_1851_datatable.csv", {}, 20),
    ("2024-05-AID_1851_datatable.csv", {"value_column": "IC50", "threshold": 6}, 20),
    ("missing_end.sdf", {}, 20),
    ("sparse_smiles.sdf", {}, 20),
    ("decimal_comma_rows.csv", {"threshold": 6.5}, 20),
]


@pytest.mark.parametrize(("name", "told", "n_rows"), CASE_FILES)
def test_cases(name: str, told: dict[str, object], n_rows: int) -> None:
    try:
        store = load_assays(CASES / name, Columns(**told))  # type: ignore[arg-type]
    except InputError as error:
        # Refused: these cannot be read, and may be told so.
        refusable = ("headerless.csv", "quote.tsv", "chembl_log_type.csv", "decimal_comma_rows.csv")
        if name not in refusable:
            pytest.fail(str(error))
        return
    if name == "missing_end.sdf" and len(store.audit) == n_rows - 1:
        assert (store.audit["action"] == "dropped").any()
        n_rows -= 1
    assert_each_row_once(store, n_rows)


def test_wide_case() -> None:
    assert_each_cell_once(load_assays(CASES / "wide_na.csv"), 20)


def test_every_case_is_counted() -> None:
    named = {name for name, _, _ in CASE_FILES} | {"wide_na.csv", "README.md"}
    assert {path.name for path in CASES.iterdir()} == named


def fsmol_folder(folder: Path) -> Path:
    for fold, ids in (("train", ("CHEMBL1", "CHEMBL2")), ("valid", ("CHEMBL3",))):
        (folder / fold).mkdir(parents=True)
        for assay in ids:
            lines = [
                json.dumps({"SMILES": s, "Property": f"{int(n < 1000)}.0", "Assay_ID": assay,
                            "RegressionProperty": n, "LogRegressionProperty": float("nan"),
                            "Relation": "=", "AssayType": "B"})
                for s, n in zip(SMILES, NANOMOLAR, strict=True)
            ]  # fmt: skip
            content = "\n".join([*lines, lines[0]]) + "\n"
            (folder / fold / f"{assay}.jsonl.gz").write_bytes(gzip.compress(content.encode()))
    return folder


def moleculenet(header: str, cell: Callable[[int], str]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "set.csv"
        lines = [cell(i) for i in range(20)]
        path.write_text("\n".join([header, *lines, lines[0]]) + "\n")
        return path

    return make


def generated(**chosen: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        written = write(Combination(3, chosen))
        (folder / written.name).write_bytes(written.content)
        return folder / written.name

    return make


def smiles_file(folder: Path) -> Path:
    path = folder / "lib.smi"
    path.write_text("".join(f"{smiles} cpd{i}\n" for i, smiles in enumerate(SMILES)))
    return path


VALUES = {"threshold": "6", "value_column": "IC50 (nM)"}
READERS = {
    "long": (generated(n_blank="some"), VALUES, 20),
    "long, gz": (generated(container="gz", repeats="exact", n_blank="some"), VALUES, 22),
    "long, parquet": (generated(container="parquet", n_blank="some"), VALUES, 20),
    "long, bad molecules": (generated(smiles_cells="bad"), VALUES, 20),
    "long, blank molecules": (generated(smiles_cells="blank"), VALUES, 20),
    "long, contradicting": (generated(repeats="contradicting"), VALUES, 22),
    "assays": (generated(shape="assays", n_blank="some"), VALUES, 20),
    "labels": (generated(shape="labels", n_blank="some"), {}, 20),
    "chembl, web": (generated(shape="chembl", n_blank="some"), {"threshold": "6"}, 20),
    "chembl, api": (generated(shape="chembl", chembl_style="api"), {"threshold": "6"}, 20),
    "chembl, fsmol": (generated(shape="chembl", chembl_style="flagged"), {}, 20),
    "chembl, mixed": (generated(shape="chembl", standard_type="mixed"), {"threshold": "6"}, 20),
    "pubchem": (generated(shape="pubchem"), {}, 20),
    "bace": (
        moleculenet("mol,CID,Class,Model,pIC50", lambda i: f"{SMILES[i]},B{i},{i % 2},Train,6"),
        {},
        21,
    ),
    "bbbp": (moleculenet("num,name,p_np,smiles", lambda i: f"{i},n,{i % 2},{SMILES[i]}"), {}, 21),
    "hiv": (moleculenet("smiles,activity,HIV_active", lambda i: f"{SMILES[i]},CI,{i % 2}"), {}, 21),
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
def test_every_reader_of_long_tables(kind: str, tmp_path: Path) -> None:
    make, told, n_rows = READERS[kind]
    assert_each_row_once(load_assays(make(tmp_path), Columns(**told)), n_rows)


WIDE = {
    "wide": (generated(shape="wide", n_blank="some"), 20),
    "wide, blanks": (generated(shape="wide", n_blank="most", blank="NA"), 20),
    "wide, bad molecules": (generated(shape="wide", smiles_cells="bad"), 20),
    "clintox": (
        moleculenet("smiles,FDA_APPROVED,CT_TOX", lambda i: f"{SMILES[i]},{i % 2},{1 - i % 2}"),
        21,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WIDE)
def test_every_reader_of_wide_tables(kind: str, tmp_path: Path) -> None:
    make, n_rows = WIDE[kind]
    assert_each_cell_once(load_assays(make(tmp_path)), n_rows)


def test_fsmol_folders(tmp_path: Path) -> None:
    store = load_assays(fsmol_folder(tmp_path / "fsmol"))
    assert len(store.audit) == 3 * 21
    assert not store.audit.duplicated(["file", "row"]).any()
    assert_reasons(store.audit)


@pytest.mark.shared_data
def test_chembl_rows_of_the_shared_folder(shared_data: Path) -> None:
    for path in sorted((shared_data / "chembl").glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            n_rows = sum(1 for _ in csv.DictReader(file))
        assert_each_row_once(load_assays(path, Columns(threshold="median")), n_rows)


@pytest.mark.shared_data
def test_fsmol_files_of_the_shared_folder(shared_data: Path) -> None:
    folder = shared_data / "fsmol" / "original"
    files = sorted(folder.rglob("*.jsonl.gz"))
    n_rows = {path.name: n_lines(path) + 1 for path in files}
    assert len(files) > 1
    for path in files:
        assert_each_row_once(load_assays(path), n_rows[path.name])
    store = load_assays(folder)
    assert store.audit["file"].map(lambda name: Path(name).name).value_counts().to_dict() == n_rows


@pytest.mark.shared_data
def test_a_wide_file_of_the_shared_folder(shared_data: Path) -> None:
    path = shared_data / "moleculenet" / "sider.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        n_rows = sum(1 for _ in csv.DictReader(file))
    assert_each_cell_once(load_assays(path), n_rows)


@pytest.fixture(scope="module")
def supports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two support tables of 18 rows, of which one repeats, one does not parse, one is blank."""
    folder = tmp_path_factory.mktemp("supports")
    drugs = drug_mechanisms("test")
    paths = []
    for name in sorted(drugs["assay"].unique())[:2]:
        known = drugs[drugs["assay"] == name].groupby("label").head(8)[["smiles", "label"]]
        odd = pd.DataFrame(
            {"smiles": [known["smiles"].iloc[0], "C1CC("], "label": [known["label"].iloc[0], 1]}
        )
        path = folder / f"{name}.csv"
        pd.concat([known, odd]).to_csv(path, index=False)
        paths.append(path)
    return paths


def n_rows_of(path: Path) -> int:
    return n_lines(path)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smiles_file(tmp_path_factory.mktemp("library"))


def test_predict_and_suggest_account_for_the_support(
    supports: list[Path], library: Path, tmp_path: Path
) -> None:
    support, n_rows = supports[0], n_rows_of(supports[0])
    for verb in ("predict", "suggest"):
        out = tmp_path / f"{verb}.csv"
        done = molmeta(verb, "--support", support, "--input", library, "-o", out, "--workers", 1)
        assert done.returncode == 0, done.stderr
        assert n_rows in sums(done.stdout + done.stderr), done.stderr
    done = molmeta("predict", "--support", support, "--input", library, "-o", tmp_path / "p.csv")
    assert "20 rows" in done.stdout + done.stderr  # one row in, one row out
    assert len(pd.read_csv(tmp_path / "p.csv")) == 20


def test_screen_accounts_for_the_supports(
    supports: list[Path], library: Path, tmp_path: Path
) -> None:
    flags = [part for path in supports for part in ("--support", path)]
    out = tmp_path / "screened"
    done = molmeta("screen", *flags, "--input", library, "-o", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert sum(map(n_rows_of, supports)) in sums(done.stdout + done.stderr), done.stderr


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    assert molmeta("example", "-o", folder / "example").returncode == 0
    return folder / "example"


TINY = [
    "training.steps=1", "training.assays_per_step=2", "training.support_sizes=[8]",
    "training.query_size=8", "training.valid_every=1", "training.valid_support_sizes=[8]",
    "training.valid_draws=1", "encoder.dim=16", "encoder.layers=1",
]  # fmt: skip


def test_train_and_evaluate_account_for_their_tables(tables: Path, tmp_path: Path) -> None:
    train, valid, test = (tables / f"{name}.csv" for name in ("train", "valid", "test"))
    run = tmp_path / "run"
    flags = [part for setting in TINY for part in ("--set", setting)]
    done = molmeta("train", train, "--valid", valid, "-o", run, "--config", "prototypical", *flags)
    assert done.returncode == 0, done.stderr
    read = sums(done.stdout + done.stderr)
    assert n_lines(train) in read, done.stderr
    assert n_lines(valid) in read, done.stderr
    asked: list[object] = [
        "--support-sizes",
        "8",
        "--draws",
        1,
        "--workers",
        1,
        "--baselines",
        "simsearch",
    ]
    data = test if test.exists() else valid
    done = molmeta("evaluate", "--data", data, "-m", run, "-o", tmp_path / "results", *asked)
    assert done.returncode == 0, done.stderr
    assert n_lines(data) in sums(done.stdout + done.stderr), done.stderr


def test_featurize_info_and_split_account_for_their_rows(tables: Path, tmp_path: Path) -> None:
    store, n_rows = tmp_path / "a.store", n_lines(tables / "train.csv")
    done = molmeta("featurize", tables / "train.csv", "-o", store, "--workers", 1)
    assert sums(done.stdout + done.stderr) == [n_rows]
    done = molmeta("info", store)
    assert sums(done.stdout + done.stderr) == [n_rows]
    done = molmeta("split", store, "-o", tmp_path / "folds", "--by", "molecule")
    assert done.returncode == 0, done.stderr
    read = sums(done.stdout + done.stderr)
    in_folds = [
        len(AssayStore.open(path).audit) for path in sorted((tmp_path / "folds").glob("t*"))
    ]
    in_folds += [len(AssayStore.open(tmp_path / "folds" / "valid").audit)]
    assert sum(in_folds) == n_rows
    assert sorted(read)[-3:] == sorted(in_folds) or n_rows in read, done.stderr


def test_a_table_is_accounted_for_by_info(tables: Path) -> None:
    done = molmeta("info", tables / "train.csv")
    assert f"{n_lines(tables / 'train.csv'):,}" in done.stdout


def test_canonical_molecules_are_twenty() -> None:
    assert len({Chem.MolToSmiles(Chem.MolFromSmiles(smiles)) for smiles in SMILES}) == 20
