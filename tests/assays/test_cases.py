"""Small files of the kinds that people report trouble with: every row of cases/README.md."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rdkit import Chem

from molmeta.assays import AssayStore
from tests.cli.program import Done, molmeta
from tests.generators.molecules import NANOMOLAR, SMILES
from tests.generators.verdict import Came, rows_of

CASES = Path(__file__).parent / "cases"
ACTIVE = [float(nanomolar < 1000) for nanomolar in NANOMOLAR]


@dataclass
class Ended:
    """A run of `molmeta featurize`, and the rows of its store where it made one."""

    done: Done
    store: AssayStore | None
    rows: list[Came]

    @property
    def assay_ids(self) -> list[str]:
        assert self.store is not None
        return self.store.assay_ids

    @property
    def text(self) -> str:
        return self.done.stdout + self.done.stderr

    def labels(self) -> list[float]:
        """The labels of the rows kept, in the order of the twenty molecules."""
        place = {canonical(smiles): i for i, smiles in enumerate(SMILES)}
        kept = [row for row in self.rows if row.action == "kept"]
        return [row.label for row in sorted(kept, key=lambda row: place[canonical(row.smiles)])]


Featurize = Callable[..., Ended]


def canonical(smiles: str) -> str:
    return str(Chem.MolToSmiles(Chem.MolFromSmiles(smiles)))


@pytest.fixture
def featurize(tmp_path: Path) -> Featurize:
    def run(name: str, *flags: object) -> Ended:
        out = tmp_path / "out.store"
        done = molmeta("featurize", CASES / name, "-o", out, "--workers", 1, *flags)
        assert done.returncode in (0, 2), done.stderr
        assert out.exists() == (done.returncode == 0)
        store = AssayStore.open(out) if out.exists() else None
        rows = rows_of(store) if store else []
        assert all(row.reason for row in rows if row.action != "kept")
        return Ended(done, store, rows)

    return run


@pytest.mark.shared_data
def test_the_copies_are_those_of_the_shared_folder(shared_data: Path) -> None:
    for path in (shared_data / "cases").iterdir():
        assert (CASES / path.name).read_bytes() == path.read_bytes(), path.name


def test_every_case_of_the_table_is_tried() -> None:
    table = (CASES / "README.md").read_text(encoding="utf-8")
    tried = Path(__file__).read_text(encoding="utf-8")
    for path in CASES.iterdir():
        if path.name != "README.md":
            assert path.name in table
            assert f'"{path.name}"' in tried


def test_decimal_comma_rows_are_not_cut(featurize: Featurize) -> None:
    ended = featurize("decimal_comma_rows.csv", "--threshold", 6.5)
    assert ended.done.returncode == 2
    assert "line 2" in ended.text


def test_trailing_commas_do_no_harm(featurize: Featurize) -> None:
    ended = featurize("trailing_commas.csv")
    assert ended.labels() == ACTIVE
    assert ended.assay_ids == ["trailing_commas"]


def test_a_file_without_a_header_loses_no_row(featurize: Featurize) -> None:
    ended = featurize("headerless.csv")
    if ended.done.returncode == 2:
        assert "header" in ended.text
        return
    assert ended.labels() == ACTIVE
    assert ended.assay_ids != ["1"]


def test_quotes_that_pair_rows_apart(featurize: Featurize) -> None:
    ended = featurize("quote.tsv")
    if ended.done.returncode == 2:
        assert "quot" in ended.text
        assert "line 5" in ended.text
        return
    assert ended.labels() == ACTIVE


def test_blanks_of_wide_tables(featurize: Featurize) -> None:
    ended = featurize("wide_na.csv")
    assert ended.assay_ids == ["NR-AR", "NR-ER", "SR-p53"]
    with (CASES / "wide_na.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    for assay in ended.assay_ids:
        got = {
            row.row: row.label for row in ended.rows if row.assay == assay and row.action == "kept"
        }
        right = {i: float(line[assay]) for i, line in enumerate(lines) if line[assay] in "01"}
        assert got == right


@pytest.mark.parametrize("name", ["pic50_molar.csv", "log_ic50_nm.csv"])
def test_the_logarithm_wins_over_the_unit(featurize: Featurize, name: str) -> None:
    ended = featurize(name, "--threshold", 6)
    assert ended.labels() == ACTIVE
    assert sum(ended.labels()) == 11


def test_a_dose_is_no_unit(featurize: Featurize) -> None:
    flags = ("--value-column", "% inhibition @ 10 uM", "--threshold", "median")
    ended = featurize("percent_at_dose.csv", *flags)
    order = sorted(NANOMOLAR)
    more = [float(nanomolar <= order[9]) for nanomolar in NANOMOLAR]
    assert ended.labels() == more


@pytest.mark.parametrize(("name", "column"), [("target_ic50.csv", "CDK2_IC50"), ("mic.csv", "MIC")])
def test_a_concentration_without_a_unit_is_refused(
    featurize: Featurize, name: str, column: str
) -> None:
    ended = featurize(name, "--value-column", column, "--threshold", 6)
    assert ended.done.returncode == 2
    assert "unit" in ended.text
    assert column in ended.text


def test_standard_types_are_not_mixed(featurize: Featurize) -> None:
    ended = featurize("chembl_mixed_types.csv", "--threshold", 6)
    with (CASES / "chembl_mixed_types.csv").open(newline="") as file:
        types = [line["Standard Type"] for line in csv.DictReader(file, delimiter=";")]
    assert [row.row for row in ended.rows] == list(range(30))
    assert {types[row.row] for row in ended.rows if row.action == "kept"} == {"IC50"}
    assert ended.labels() == ACTIVE[:10]
    others = [row for row in ended.rows if types[row.row] != "IC50"]
    assert all(row.action == "dropped" for row in others)
    assert all("Ki" in r.reason or "Cmax" in r.reason or "type" in r.reason for r in others)


def test_a_log_type_is_a_logarithm(featurize: Featurize) -> None:
    ended = featurize("chembl_log_type.csv", "--threshold", 6)
    if ended.done.returncode == 2:
        assert "log" in ended.text.lower()
        return
    assert ended.labels() == ACTIVE


def test_flags_for_columns_are_honoured(featurize: Featurize) -> None:
    flags: tuple[object, ...] = ("--assay-column", "Target ChEMBL ID", "--threshold", 6)
    ended = featurize("chembl_columns.csv", *flags)
    assert ended.assay_ids == ["CHEMBL203"]
    assert ended.labels() == ACTIVE


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("chembl_columns.csv", ("--assay-column", "Nope", "--threshold", 6)),
        ("chembl_columns.csv", ("--value-column", "Nope", "--threshold", 6)),
        ("chembl_columns.csv", ("--relation-column", "Nope", "--threshold", 6)),
        ("chembl_columns.csv", ("--label-column", "Nope")),
        ("2024-05-AID_1851_datatable.csv", ("--smiles-column", "Nope")),
        ("2024-05-AID_1851_datatable.csv", ("--assay-column", "Nope")),
        ("2024-05-AID_1851_datatable.csv", ("--label-column", "Nope")),
        (
            "2024-05-AID_1851_datatable.csv",
            ("--relation-column", "Nope", "--value-column", "IC50", "--threshold", 6),
        ),
        ("wide_na.csv", ("--relation-column", "Nope")),
        ("trailing_commas.csv", ("--value-column", "Nope")),
    ],
)
def test_columns_that_do_not_exist_are_refused(
    featurize: Featurize, name: str, flags: tuple[str, ...]
) -> None:
    ended = featurize(name, *flags)
    assert ended.done.returncode == 2
    assert "Nope" in ended.text


def test_the_number_of_a_bioassay(featurize: Featurize) -> None:
    ended = featurize("2024-05-AID_1851_datatable.csv")
    assert ended.assay_ids == ["AID1851"]
    assert ended.labels() == ACTIVE


def test_a_record_without_its_end_keeps_its_label(featurize: Featurize) -> None:
    ended = featurize("missing_end.sdf")
    place = {canonical(smiles): i for i, smiles in enumerate(SMILES)}
    for row in ended.rows:
        if row.action == "kept":
            assert row.label == ACTIVE[place[canonical(row.smiles)]]
    n_told = sum(row.action == "dropped" for row in ended.rows)
    assert ended.labels() == ACTIVE or n_told


def test_a_missing_smiles_field_falls_back_on_the_structure(featurize: Featurize) -> None:
    ended = featurize("sparse_smiles.sdf")
    assert ended.labels() == ACTIVE
