"""featurize, split, data and info: every kind of file, every row accounted for."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from molmeta_cli.info import _adapts
from rdkit import Chem

from molmeta.assays import AssayStore, catalog, open_library
from molmeta.config import read_recipe
from molmeta.runs.recipe import resolve_recipe
from tests.cli.program import molmeta

COLUMNS = {
    "--smiles-column", "--assay-column", "--label-column", "--value-column", "--relation-column",
    "--units", "--threshold", "--direction", "--format",
}  # fmt: skip

LONG = """assay,smiles,active
A,CCO,yes
A,OCC,yes
A,CC,no
A,xyz,1
A,c1ccccc1,0
A,c1ccccc1,1
B,CCN,active
B,,inactive
B,CCCl,
,CCBr,1
"""
WIDE = """mol_id,smiles,"side, effect",second
T1,CCO,1,0
T2,OCC,0,
T3,C(,1,1
T4,CCC,,
T5,c1ccccc1,0,1
"""
VALUES = """Structure,IC50 (uM),qualifier
CCO,0.01,=
CC,>100,
CCC,3,>
CCN,20,
CCF,n.d.,
CCCl,0,=
CCBr,1,
"""
CHEMBL_EXPORT = """Molecule ChEMBL ID;Smiles;Standard Type;Standard Relation;Standard Value;\
Standard Units;pChEMBL Value;Data Validity Comment;Potential Duplicate;Assay ChEMBL ID;Target Name
M1;CCO;IC50;'=';10;nM;8.0;None;False;CHEMBL1;Some kinase
M2;CC.Cl;IC50;'>';100000;nM;;;False;CHEMBL1;Some kinase
M3;CCC;IC50;'=';30;nM;7.52;Outside typical range;False;CHEMBL1;Some kinase
M4;CCN;IC50;'=';30;nM;7.52;;True;CHEMBL1;Some kinase
M5;CCF;Inhibition;None;None;None;;;False;CHEMBL2;Some receptor
M6;CCCl;Inhibition;'=';80;%;;;False;CHEMBL2;Some receptor
"""
CHEMBL_ROWS = """smiles,pchembl,standard_value,standard_units,standard_relation,activity_comment,\
chembl_id,assay_type
CCO,,0.5,ug.mL-1,=,,CHEMBL7,F
CCO,,0.52,ug.mL-1,=,,CHEMBL7,F
CCC,,20000,nM,=,,CHEMBL7,F
CCN,,,,,Not Active,CHEMBL7,F
CCF,,50,ug.mL-1,>,,CHEMBL7,F
CCCl,,100,nM,=,,CHEMBL7,F
"""
PUBCHEM = """PUBCHEM_RESULT_TAG,PUBCHEM_SID,PUBCHEM_CID,PUBCHEM_EXT_DATASOURCE_SMILES,\
PUBCHEM_ACTIVITY_OUTCOME,PUBCHEM_ACTIVITY_SCORE,PUBCHEM_ACTIVITY_URL,PUBCHEM_ASSAYDATA_COMMENT,IC50
RESULT_TYPE,,,,,,,,FLOAT
RESULT_UNIT,,,,,,,,MICROMOLAR
1,101,1,CCO,Active,90,,,0.5
2,102,2,CC,Inactive,0,,,
3,103,3,CCC,Inconclusive,10,,,20
4,104,1,OCC,Active,80,,,0.7
5,105,5,CCCC,Probe,100,,,0.1
"""


def fsmol_line(assay: str, smiles: str, label: str) -> str:
    return json.dumps(
        {
            "SMILES": smiles, "Property": label, "Assay_ID": assay, "RegressionProperty": 10.0,
            "LogRegressionProperty": 8.0, "Relation": "=", "AssayType": "B", "graph": {},
        }
    )  # fmt: skip


def text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return write


def packed_tsv(folder: Path) -> Path:
    path = folder / "long.tsv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + LONG.replace(",", "\t").encode()))
    return path


def parquet(folder: Path) -> Path:
    text("long.csv", LONG)(folder)
    path = folder / "long.parquet"
    pd.read_csv(folder / "long.csv").to_parquet(path)
    return path


def sdf(folder: Path) -> Path:
    path = folder / "mine.sdf"
    with Chem.SDWriter(str(path)) as writer:
        for smiles, label in (("CCO", "1"), ("CC", "0"), ("OCC", "1"), ("CCC", "")):
            mol = Chem.MolFromSmiles(smiles)
            mol.SetProp("active", label)
            writer.write(mol)
    return path


def fsmol(folder: Path) -> Path:
    for fold, assay in (("train", "CHEMBL1"), ("train", "CHEMBL2"), ("valid", "CHEMBL3")):
        path = folder / "fsmol" / fold / f"{assay}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [fsmol_line(assay, "CCO", "1.0"), fsmol_line(assay, "CC", "0.0")]
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    lists = {"train": ["CHEMBL2"], "valid": ["CHEMBL3"]}
    (folder / "fsmol" / "fsmol-0.1.json").write_text(json.dumps(lists))
    return folder / "fsmol"


# Of each kind: how it is written, the flags it needs, its assays, and its rows that are kept,
# merged and dropped.
KINDS = {
    "long CSV": (text("long.csv", LONG), [], 2, (3, 1, 6)),
    "long TSV, gzip, BOM": (packed_tsv, [], 2, (3, 1, 6)),
    "long Parquet": (parquet, [], 2, (3, 1, 6)),
    "semicolons": (text("long.csv", LONG.replace(",", ";")), [], 2, (3, 1, 6)),
    "wide CSV": (text("tox.csv", WIDE), [], 2, (3, 0, 5)),
    "one column of a wide CSV": (
        text("tox.csv", WIDE), ["--label-column", "second"], 1, (2, 0, 3)
    ),
    "values": (
        text("ic50.csv", VALUES),
        ["--value-column", "IC50 (uM)", "--relation-column", "qualifier", "--threshold", "6"],
        1, (5, 0, 2),
    ),
    "values, another unit and direction": (
        text("viability.csv", VALUES.replace("IC50 (uM)", "viability")),
        ["--value-column", "viability", "--units", "%", "--threshold", "5",
         "--direction", "higher"],
        1, (5, 0, 2),
    ),
    "SDF": (sdf, [], 1, (2, 1, 1)),
    "ChEMBL web export": (text("export.csv", CHEMBL_EXPORT), [], 2, (3, 0, 3)),
    "ChEMBL database rows": (text("raw.csv", CHEMBL_ROWS), [], 1, (2, 0, 4)),
    "ChEMBL database rows in every unit": (
        text("raw.csv", CHEMBL_ROWS), ["--threshold", "6"], 1, (4, 1, 1)
    ),
    "PubChem data table": (text("AID_1.csv", PUBCHEM), [], 1, (3, 1, 1)),
    "PubChem by values": (
        text("AID_1.csv", PUBCHEM), ["--value-column", "IC50", "--threshold", "median"], 1,
        (2, 0, 3),
    ),
    "FS-Mol folder with its list": (fsmol, [], 2, (4, 0, 0)),
    "MoleculeNet BACE": (
        text("bace.csv", "mol,CID,Class,Model,pIC50\nCCO,B1,1,Train,7\nCC,B2,0,Test,4\n"), [], 1,
        (2, 0, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_file_becomes_assays(kind: str, tmp_path: Path) -> None:
    write, flags, n_assays, expected = KINDS[kind]
    done = molmeta("featurize", write(tmp_path), "-o", tmp_path / "store", "--workers", 1, *flags)
    assert done.returncode == 0, done.stderr
    store = AssayStore.open(tmp_path / "store")
    assert len(store) == n_assays
    actions = store.audit["action"].tolist()
    assert tuple(map(actions.count, ("kept", "merged", "dropped"))) == expected
    assert not store.audit.duplicated(["file", "row", "assay_id"]).any()
    kept, merged, dropped = expected
    assert f"{sum(expected)} rows = {kept} kept + {merged} merged + {dropped} dropped" in (
        done.stderr
    )


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_file_is_a_library_too(kind: str, tmp_path: Path) -> None:
    """One row a row of the file, and of a folder one a row of each file in it."""
    path = KINDS[kind][0](tmp_path)
    done = molmeta("embed", "--input", path, "-o", tmp_path / "v.csv", "--workers", 1)
    assert done.returncode == 0, done.stderr
    vectors = pd.read_csv(tmp_path / "v.csv")
    n_rows = sum(len(chunk) for chunk in open_library(path).chunks())
    assert len(vectors) == n_rows
    assert vectors["v0"].notna().sum() >= 2
    assert ("file" in vectors) == path.is_dir()


def test_files_of_a_library_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("smiles,name\nCCC,c\nxyz,d\n")
    (tmp_path / "c.csv").write_text("smiles,name\nCCN,e\n")
    b, c = tmp_path / "b.csv", tmp_path / "c.csv"
    done = molmeta("embed", "--input", b, "--input", c, "-o", tmp_path / "v.csv")
    assert done.returncode == 0, done.stderr
    vectors = pd.read_csv(tmp_path / "v.csv")
    assert vectors["file"].tolist() == ["b.csv", "b.csv", "c.csv"]
    assert vectors["v0"].isna().tolist() == [False, True, False]
    wide = KINDS["wide CSV"][0](tmp_path)
    done = molmeta("embed", "--input", b, "--input", wide, "-o", tmp_path / "w.csv")
    assert done.returncode == 2
    assert "files of one kind at a time" in done.stderr


def test_files_of_several_kinds_at_once(tmp_path: Path) -> None:
    files = [KINDS[kind][0](tmp_path) for kind in ("long CSV", "SDF", "ChEMBL web export")]
    report = tmp_path / "audit.html"
    done = molmeta("featurize", *files, "-o", tmp_path / "store", "--report", report)
    assert done.returncode == 0, done.stderr
    assert "20 rows = 8 kept + 2 merged + 10 dropped" in done.stderr
    page = report.read_text(encoding="utf-8")
    assert "contradicting labels for one molecule" in page
    assert "mine.sdf" in page
    assert len(AssayStore.open(tmp_path / "store")) == 5


def test_a_smiles_file_is_a_library_not_assays(tmp_path: Path) -> None:
    (tmp_path / "library.smi").write_text("CCO ethanol\nCC ethane\n")
    done = molmeta("featurize", tmp_path / "library.smi", "-o", tmp_path / "store")
    assert done.returncode == 2
    assert "--label-column" in done.stderr
    assert "smi table" in molmeta("info", tmp_path / "library.smi").stdout


def test_limits_drop_small_and_one_sided_assays(tmp_path: Path) -> None:
    rows = ["assay,smiles,active"]
    rows += [f"large,{'C' * n},{n % 2}" for n in range(1, 9)]
    rows += [f"one-sided,{'C' * n},1" for n in range(1, 9)]
    rows += ["small,CO,1", "small,CN,0"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    done = molmeta(
        "featurize", tmp_path / "t.csv", "-o", tmp_path / "store",
        "--min-molecules", 4, "--min-per-class", 2,
    )  # fmt: skip
    assert "18 rows = 8 kept + 0 merged + 10 dropped" in done.stderr
    assert "assay with fewer than … molecules" in done.stderr
    done = molmeta("info", tmp_path / "store")
    assert "18 rows = 8 kept" in done.stdout


def test_format_overrides_what_is_recognised(tmp_path: Path) -> None:
    path = KINDS["ChEMBL web export"][0](tmp_path)
    done = molmeta("featurize", path, "-o", tmp_path / "store", "--format", "pubchen")
    assert done.returncode == 2
    assert "one of fsmol, chembl, pubchem" in done.stderr
    done = molmeta(
        "featurize", path, "-o", tmp_path / "store", "--format", "plain",
        "--value-column", "Standard Value", "--units", "Standard Units", "--threshold", "7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert AssayStore.open(tmp_path / "store").assay_ids == ["CHEMBL1", "CHEMBL2"]


@pytest.mark.parametrize("verb", ["featurize", "train", "evaluate", "predict"])
def test_every_verb_that_takes_data_takes_the_columns(verb: str) -> None:
    assert not COLUMNS - set(re.findall(r"--[\w-]+", molmeta(verb, "--help").stdout))


def test_a_store_takes_no_threshold(tmp_path: Path) -> None:
    molmeta("featurize", KINDS["long CSV"][0](tmp_path), "-o", tmp_path / "store")
    evaluation = ["--support-sizes", "4", "--baselines", "simsearch", "-o", tmp_path / "out"]
    done = molmeta("evaluate", "--data", tmp_path / "store", "--threshold", 6, *evaluation)
    assert done.returncode == 2
    assert "labels are settled" in done.stderr
    done = molmeta("featurize", tmp_path / "store", tmp_path / "long.csv", "-o", tmp_path / "two")
    assert done.returncode == 2
    assert "got an assay store" in done.stderr


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty assays of five targets over rings with tails."""
    rings = ["c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNC1", "c1ccoc1", "C1CCOC1"]
    smiles = [ring + tail for ring in rings for tail in ("", "C", "CC", "O", "N")]
    rng = np.random.default_rng(0)
    rows = [
        (f"A{number:02}", smiles[i], i % 2)
        for number in range(20)
        for i in rng.permutation(len(smiles))[:12]
    ]
    folder = tmp_path_factory.mktemp("split")
    pd.DataFrame(rows, columns=["assay", "smiles", "label"]).to_csv(folder / "t.csv", index=False)
    targets = [(f"A{number:02}", "train", f"T{number // 4}", "") for number in range(20)]
    names = ["assay_id", "split", "target_id", "target_name"]
    pd.DataFrame(targets, columns=names).to_csv(folder / "targets.csv", index=False)
    assert molmeta("featurize", folder / "t.csv", "-o", folder / "store").returncode == 0
    return folder / "store"


@pytest.mark.parametrize("by", ["random", "target", "scaffold", "molecule"])
def test_split(by: str, store: Path, tmp_path: Path) -> None:
    targets = ["--targets", store.parent / "targets.csv"] if by == "target" else []
    done = molmeta(
        "split", store, "-o", tmp_path / "out", "--by", by, "--fractions", "0.6,0.2,0.2",
        "--seed", 3, *targets,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lists = json.loads((tmp_path / "out" / "splits.json").read_text())
    assert [len(ids) for ids in lists.values()] == [12, 4, 4]
    for fold, ids in lists.items():
        assert AssayStore.open(tmp_path / "out" / fold).assay_ids == ids
        assert re.search(rf"^{fold}: {len(ids)} assays", done.stderr, re.MULTILINE)
    n_seen = pd.read_csv(tmp_path / "out" / "leakage.csv")["n_seen"]
    assert (n_seen == 0).all() == (by in ("scaffold", "molecule"))
    assert "test shares with train: " in done.stderr
    if by == "target":
        folds = [{int(key[1:]) // 4 for key in ids} for ids in lists.values()]
        assert len(set.union(*folds)) == sum(map(len, folds))


def test_split_by_lists_replaces_an_earlier_split(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert molmeta("split", store, "-o", out, "--fractions", "0.9,0,0.1").returncode == 0
    assert sorted(path.name for path in out.iterdir()) == (
        ["leakage.csv", "splits.json", "test", "train"]
    )
    (tmp_path / "mine.json").write_text('{"train": ["A00", "A01"], "held-out": ["A02"]}')
    done = molmeta("split", store, "-o", out, "--lists", tmp_path / "mine.json")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == (
        ["held-out", "leakage.csv", "splits.json", "train"]
    )
    (tmp_path / "mine.json").write_text('{"all": ["A00", "A01"]}')
    assert molmeta("split", store, "-o", out, "--lists", tmp_path / "mine.json").returncode == 0
    assert AssayStore.open(out / "all").assay_ids == ["A00", "A01"]


def test_split_as_published(tmp_path: Path) -> None:
    cells = [[str(row % 2)] * 12 for row in range(4)]
    table = pd.DataFrame(cells, columns=[f"NR-{i}" for i in range(12)])
    table.assign(smiles=["CC", "CCO", "CCN", "CCC"]).to_csv(tmp_path / "t.csv", index=False)
    molmeta("featurize", tmp_path / "t.csv", "-o", tmp_path / "store")
    done = molmeta("split", tmp_path / "store", "-o", tmp_path / "out", "--lists", "tox21")
    assert done.returncode == 0, done.stderr
    lists = json.loads((tmp_path / "out" / "splits.json").read_text())
    assert [len(ids) for ids in lists.values()] == [9, 3]


WRONG = {
    "no store": (["DIR"], "no molmeta store"),
    "unknown method": (["STORE", "--by", "colour"], "--by"),
    "no targets": (["STORE", "--by", "target"], "a target for some assays"),
    "targets of another split": (["STORE", "--targets", "TARGETS"], "--by target"),
    "no target column": (["STORE", "--by", "target", "--targets", "TABLE"], "a column of targets"),
    "lists and a method": (["STORE", "--lists", "x.json", "--by", "random"], "the lists alone"),
    "no such lists": (["STORE", "--lists", "x.json"], "x.json"),
    "no such data set": (["STORE", "--lists", "tox12"], "Did you mean 'tox21'"),
    "bad fractions": (["STORE", "--fractions", "1,x"], "shares such as"),
    "a fold that leads elsewhere": (["STORE", "--lists", "EVIL"], "'../evil'"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_wrong_split_is_refused(case: str, store: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil.json"
    evil.write_text('{"../evil": ["A00"]}')
    places = {
        "STORE": store, "DIR": store.parent, "TARGETS": store.parent / "targets.csv",
        "TABLE": store.parent / "t.csv", "EVIL": evil,
    }  # fmt: skip
    arguments, expected = WRONG[case]
    done = molmeta("split", *(places.get(a, a) for a in arguments), "-o", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert list(tmp_path.iterdir()) == [evil]


def test_split_leaves_other_folders_alone(store: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = molmeta("split", store, "-o", tmp_path)
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_info_of_the_default_model_says_what_it_is() -> None:
    said = " ".join(molmeta("info", "default").stdout.split())
    assert "what model default" in said
    assert "reads descriptors, fingerprints, graphs, pairs (encoder joined)" in said
    assert "adapts by one MAML step (first order, rate 10) on the marginal likelihood" in said
    assert "matches matching head, ridge attention; 4,935 known assays" in said
    assert "adapts by no inner step" in " ".join(molmeta("info", "fingerprint").stdout.split())


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("reptile", "by 3 Reptile steps (rate 0.05) on the leave-one-out loss, of: matcher"),
        ("default", "by one MAML step (second order, rate 0.05) on the leave-one-out loss"),
    ],
)
def test_info_says_which_steps_a_recipe_takes(recipe: str, expected: str) -> None:
    assert _adapts(resolve_recipe(read_recipe(recipe)).sections).startswith(expected)


def test_data_list_and_info() -> None:
    listed = molmeta("data", "list").stdout
    for name in ("fsmol", "tox21", "sider", "muv", "toxcast", "drug_mechanisms"):
        assert name in listed
        described = molmeta("data", "info", name)
        assert described.returncode == 0
        assert "licence" in described.stdout
    done = molmeta("data", "info", "muvv")
    assert done.returncode == 2
    assert "Did you mean 'muv'" in done.stderr


def test_data_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = KINDS["long CSV"][0](tmp_path)
    card = tmp_path / "cards" / "mine" / "dataset.yaml"
    card.parent.mkdir(parents=True)
    card.write_text(
        "name: mine\ntitle: Mine\nlicence: MIT\nfiles:\n"
        f"  - url: {source.as_uri()}\n    name: long.csv\n"
    )
    monkeypatch.setattr(catalog, "share_path", lambda _: tmp_path / "cards")
    monkeypatch.setenv("MOLMETA_DATA", str(tmp_path / "cache"))
    done = molmeta("data", "fetch", "mine")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache" / "mine" / "long.csv").read_text() == LONG
    assert molmeta("data", "fetch", "mine", "-o", tmp_path / "here").returncode == 0
    done = molmeta("featurize", tmp_path / "here", "-o", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    source.unlink()
    done = molmeta("data", "fetch", "mine", "-o", tmp_path / "there")
    assert done.returncode == 1
    assert "put the file at" in done.stderr


@pytest.mark.shared_data
def test_fsmol_originals_give_the_labels_of_the_tables(shared_data: Path, tmp_path: Path) -> None:
    done = molmeta("featurize", shared_data / "fsmol" / "original", "-o", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    store = AssayStore.open(tmp_path / "store")
    tables = pd.concat(
        pd.read_csv(shared_data / "fsmol" / f"{name}.csv.gz") for name in ("train", "valid")
    )
    expected = tables[tables["assay_id"].isin(store.assay_ids)]
    assert len(store.audit) == len(expected)
    for assay_id, rows in expected.groupby("assay_id"):
        np.testing.assert_array_equal(store.assay(str(assay_id)).labels, rows["active"])


@pytest.mark.shared_data
def test_raw_chembl_rows_by_the_rule_of_fsmol(shared_data: Path, tmp_path: Path) -> None:
    raw = shared_data / "chembl"
    done = molmeta("featurize", raw / "CHEMBL1001235_raw.csv", "-o", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    # Nine rows hold no value; the others repeat seventeen molecules, most of them exactly.
    assert "51 rows = 13 kept + 26 merged + 12 dropped" in done.stderr
    (assay,) = AssayStore.open(tmp_path / "store").assays.to_dict("records")
    assert (assay["unit"], assay["n_active"]) == ("pXC50", 3)
    assert assay["threshold"] == pytest.approx(4.609, abs=1e-3)
    # All of the other assay is in µg/mL, which the rule leaves out and a threshold takes.
    other = raw / "CHEMBL1000114_raw.csv"
    done = molmeta("featurize", other, "-o", tmp_path / "other")
    assert done.returncode == 2
    assert "28 × unit other than nM, uM or %" in done.stderr
    assert "median or a number" in done.stderr
    done = molmeta("featurize", other, "-o", tmp_path / "other", "--threshold", "median")
    assert "36 rows = 10 kept + 10 merged + 16 dropped" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "n_assays", "n_rows"), [("muv", 17, 249_967), ("toxcast", 617, 1_538_395)]
)
def test_large_wide_tables_featurize_and_split(
    shared_data: Path, tmp_path: Path, name: str, n_assays: int, n_rows: int
) -> None:
    table = shared_data / "moleculenet" / f"{name}.csv.gz"
    done = molmeta("featurize", table, "-o", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    store = AssayStore.open(tmp_path / "store")
    assert (len(store), len(store.audit)) == (n_assays, n_rows)
    done = molmeta("split", tmp_path / "store", "-o", tmp_path / "split", "--lists", name)
    assert done.returncode == 0, done.stderr
    lists = json.loads((tmp_path / "split" / "splits.json").read_text())
    assert sum(map(len, lists.values())) == n_assays
