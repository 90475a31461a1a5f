"""Stores: what is put in comes out, in order, masked with reasons, and whole or not at all."""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import AssayStore, featurize_files, load_assays
from molmeta.chem.descriptors import DESCRIPTORS
from molmeta.chem.featurize import featurize
from molmeta.errors import InputError


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("A", "CCO", 1, 6.5),
            ("B", "c1ccccc1", 0, 4.0),
            ("A", "not a molecule", 0, 5.0),
            ("A", "OCC", 1, 6.0),  # CCO again
            ("A", "CC", None, 5.5),
            ("B", "CCN", 1, 7.0),
            ("B", "NCC", 0, 7.0),  # CCN again, contradicting
            ("A", "c1ccccc1", 0, None),
        ],
        columns=["assay", "smiles", "label", "value"],
    )


def test_rows_keep_source_order_and_curation_is_a_mask(frame: pd.DataFrame) -> None:
    store = AssayStore.from_frame(frame)
    assert store.assay_ids == ["A", "B"]
    assert len(store) == 2
    assert store.n_molecules == 6  # distinct SMILES that parse
    a, b = store.assay(0), store.assay("B")
    assert a.rows.tolist() == [0, 2, 3, 4, 7]
    np.testing.assert_array_equal(a.labels, [1, 0, 1, np.nan, 0])
    np.testing.assert_array_equal(a.values, np.array([6.5, 5.0, 6.0, 5.5, np.nan], np.float32))
    assert (a.molecules >= 0).tolist() == [True, False, True, True, True]
    assert a.kept.tolist() == [True, False, False, False, True]
    assert b.kept.tolist() == [True, False, False]
    assert [store.smiles[i] for i in b.molecules] == ["c1ccccc1", "CCN", "NCC"]
    first, _, again, *_ = store.identities[a.molecules]
    assert first == again


def test_audit_accounts_for_every_row(frame: pd.DataFrame) -> None:
    store = AssayStore.from_frame(frame)
    audit = store.audit
    assert audit["row"].tolist() == list(range(len(frame)))
    assert audit["smiles"].tolist() == frame["smiles"].tolist()
    assert audit["action"].tolist() == (
        ["kept", "kept", "dropped", "merged", "dropped", "dropped", "dropped", "kept"]
    )
    assert audit["reason"][3] == "same molecule as row 0"
    assert audit["reason"][4] == "no label"
    assert "contradicting" in audit["reason"][5]
    assert audit["reason"][2] != ""
    assert store.header["n_by_action"] == audit["action"].value_counts().to_dict()
    assert store.assays["n_rows"].tolist() == [5, 3]
    assert store.assays["n_kept"].tolist() == [2, 1]
    assert store.assays["n_active"].tolist() == [1, 0]


def test_graphs_and_fingerprints_follow_the_molecules(frame: pd.DataFrame, tmp_path: Path) -> None:
    store = AssayStore.from_frame(frame, tmp_path / "store")
    assert len(store.graphs) == store.n_molecules == len(store.smiles)
    n_atoms = np.diff(store.graphs.atom_offsets)
    assert n_atoms.tolist() == [{"c1ccccc1": 6, "CC": 2}.get(s, 3) for s in store.smiles]
    assert store.fingerprints.shape == (store.n_molecules, 2048)


def test_stored_fingerprints_equal_computed_ones(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame[["assay", "smiles", "label"]].to_csv(tmp_path / "t.csv", index=False)
    stored = featurize_files([tmp_path / "t.csv"], tmp_path / "s", features=["fingerprints"])
    computed = load_assays(tmp_path / "t.csv")
    assert (tmp_path / "s" / "fingerprints.npz").exists()
    assert stored.fingerprints.dtype == computed.fingerprints.dtype == np.uint8
    assert (stored.fingerprints != computed.fingerprints).nnz == 0


def test_stored_pairs_equal_computed_ones(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame[["assay", "smiles", "label"]].to_csv(tmp_path / "t.csv", index=False)
    stored = featurize_files([tmp_path / "t.csv"], tmp_path / "s", features=["pairs"])
    assert stored.holds("pairs")
    assert not stored.holds("fingerprints")
    computed = load_assays(tmp_path / "t.csv")
    assert not computed.holds("pairs")
    expected = featurize(
        stored.smiles, standardize=stored.standardize, reads=["graphs", "pairs"]
    ).pairs
    assert expected is not None
    for pairs in (stored.pairs, computed.pairs, computed.subset(["B"]).pairs):
        assert pairs.dtype == np.uint8
        assert (pairs != expected).nnz == 0


def test_stored_descriptors_equal_computed_ones(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame[["assay", "smiles", "label"]].to_csv(tmp_path / "t.csv", index=False)
    stored = featurize_files([tmp_path / "t.csv"], tmp_path / "s", features=["descriptors"])
    assert isinstance(stored.descriptors, np.memmap)
    assert stored.descriptors.dtype == np.float32
    assert stored.descriptors.shape == (stored.n_molecules, len(DESCRIPTORS))
    atoms = stored.descriptors[:, DESCRIPTORS.index("HeavyAtomCount")]
    np.testing.assert_array_equal(atoms, stored.graphs.n_atoms)
    np.testing.assert_array_equal(load_assays(tmp_path / "t.csv").descriptors, stored.descriptors)


def test_reopened_store_is_the_same(frame: pd.DataFrame, tmp_path: Path) -> None:
    written = AssayStore.from_frame(frame, tmp_path / "store")
    opened = AssayStore.open(tmp_path / "store")
    assert opened.header == written.header
    np.testing.assert_array_equal(opened.graphs.atoms, written.graphs.atoms)
    for key in written.assay_ids:
        np.testing.assert_array_equal(opened.assay(key).molecules, written.assay(key).molecules)


def test_subset(frame: pd.DataFrame) -> None:
    store = AssayStore.from_frame(frame)
    part = store.subset(["B"])
    assert (len(part), part.assay_ids) == (1, ["B"])
    np.testing.assert_array_equal(part.assay(0).rows, store.assay("B").rows)
    assert part.subset(["B"]).assay(0).id == "B"
    with pytest.raises(InputError, match="'A'"):
        part.assay("A")


def test_temporary_store_goes_with_its_last_user(frame: pd.DataFrame) -> None:
    store = AssayStore.from_frame(frame)
    folder, part = store.path, store.subset(["A"])
    del store
    gc.collect()
    assert part.assay(0).id == "A"
    del part
    gc.collect()
    assert not folder.exists()
    assert not folder.parent.exists()


def test_identities_are_the_same_in_every_store(frame: pd.DataFrame) -> None:
    one = AssayStore.from_frame(frame)
    other = AssayStore.from_frame(frame.iloc[::-1])
    assert set(one.identities) == set(other.identities)


def test_several_files_join_assays_of_the_same_id(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("assay,smiles,y\nA,CCO,1\nB,CC,0\n")
    (tmp_path / "two.csv").write_text("assay,smiles,y\nA,CC,0\n")
    store = featurize_files([tmp_path / "one.csv", tmp_path / "two.csv"], tmp_path / "store")
    assert store.audit[["file", "row"]].values.tolist() == [
        ["one.csv", 0],
        ["one.csv", 1],
        ["two.csv", 0],
    ]
    assert store.assay("A").labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    "content",
    [b"smiles,active\nCCO,\nCC,\n", b"smiles,active\nCCO,7\n", b"smiles,active\nx,1\ny,0\n"],
)
def test_nothing_half_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(InputError):
        featurize_files([tmp_path / "bad.csv"], tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_not_a_store(tmp_path: Path, frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no molmeta store"):
        AssayStore.open(tmp_path)
    with pytest.raises(InputError, match="no files"):
        load_assays(tmp_path)
    store = AssayStore.from_frame(frame, tmp_path / "store")
    header = store.header | {"version": 99}
    (store.path / "store.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="version 99"):
        AssayStore.open(store.path)


def test_frame_lacking_a_column() -> None:
    with pytest.raises(InputError, match="'label'"):
        AssayStore.from_frame(pd.DataFrame({"assay": ["A"], "smiles": ["C"]}))


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name",
    [pytest.param("fsmol/valid.csv.gz", marks=pytest.mark.slow), "moleculenet/sider.csv.gz"],
)
def test_real_tables_agree_with_pandas(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = pd.read_csv(shared_data / name)
    store = featurize_files([shared_data / name], tmp_path / "store")
    if "assay_id" in source:
        expected = {key: part["active"] for key, part in source.groupby("assay_id", sort=False)}
    else:
        expected = {key: source[key].dropna() for key in source.columns if key != "smiles"}
    assert store.assay_ids == list(expected)
    for key, labels in expected.items():
        assay = store.assay(str(key))
        np.testing.assert_array_equal(assay.labels, labels)
        np.testing.assert_array_equal(assay.rows, labels.index)
        given = source["smiles"][assay.rows[assay.molecules >= 0]]
        assert [store.smiles[i] for i in assay.molecules if i >= 0] == given.tolist()
    assert len(store.audit) == sum(map(len, expected.values()))
    assert min(_seconds_to_open(tmp_path / "store") for _ in range(20)) < 0.01


def _seconds_to_open(path: Path) -> float:
    start = time.perf_counter()
    store = AssayStore.open(path)
    assert len(store.graphs) == store.n_molecules
    return time.perf_counter() - start


def test_a_store_of_other_features_or_with_damaged_files_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"assay": "a", "smiles": ["CCO", "CCN"], "label": [0, 1]})
    AssayStore.from_frame(frame, tmp_path / "store")
    header = (tmp_path / "store" / "store.json").read_text()
    (tmp_path / "store" / "store.json").write_text(header.replace("pyg9", "other"))
    with pytest.raises(InputError, match="other features"):
        AssayStore.open(tmp_path / "store")
    (tmp_path / "store" / "store.json").write_text(header)
    (tmp_path / "store" / "graphs" / "atoms.npy").write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        _ = AssayStore.open(tmp_path / "store").graphs
    (tmp_path / "store" / "assays.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="damaged"):
        _ = AssayStore.open(tmp_path / "store").assay_ids
