"""Splits keep what they promise, and the leakage report says what they share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import AssayStore, featurize_files
from molmeta.assays.leakage import leakage
from molmeta.assays.scaffolds import scaffold_numbers
from molmeta.assays.splits import METHODS, split_assays, split_by_lists, write_split
from molmeta.errors import InputError

RINGS = ["c1ccccc1", "C1CCCCC1", "c1ccncc1", "c1ccc2ccccc2c1", "C1CCNC1", "c1ccoc1"]
SMILES = [ring + tail for ring in RINGS for tail in ("", "C", "CC", "O")] + ["CCO", "CCCN"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> AssayStore:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(20):
        chosen = rng.permutation(len(SMILES))[:12]
        rows += [(f"A{number:02}", SMILES[i], i % 2, f"T{number // 4}") for i in chosen]
    rows += [("A00", "xyz", 1, "T0"), ("A01", "OCC", 1, "T0")]
    path = tmp_path_factory.mktemp("assays") / "t.csv"
    columns = ["assay", "smiles", "label", "target"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return featurize_files([path], None, features=["fingerprints", "pairs", "descriptors"])


# The other way to split, `isolated`, needs assays larger than these.
ANY_SIZE = [method for method in METHODS if method != "isolated"]


@pytest.mark.parametrize("by", ANY_SIZE)
def test_every_assay_is_in_one_fold(store: AssayStore, by: str) -> None:
    split = split_assays(store, by, seed=1)
    assert list(split.assays) == ["train", "valid", "test"]
    assert sorted(key for ids in split.assays.values() for key in ids) == sorted(store.assay_ids)
    assert all(split.assays.values())
    assert split_assays(store, by, seed=1).assays == split.assays
    assert split_assays(store, by, seed=2).assays != split.assays


def test_fractions(store: AssayStore) -> None:
    split = split_assays(store, fractions=(0.5, 0.25, 0.25))
    assert [len(ids) for ids in split.assays.values()] == [10, 5, 5]
    with pytest.raises(InputError, match="at least one each"):
        split_assays(store.subset(["A00", "A01"]))
    split = split_assays(store.subset(["A00", "A01", "A02"]), fractions=(0.99, 0.005, 0.005))
    assert [len(ids) for ids in split.assays.values()] == [1, 1, 1]
    assert not split_assays(store, fractions=(0.9, 0, 0.1)).assays["valid"]


def test_targets_are_not_divided(store: AssayStore) -> None:
    split = split_assays(store, "target", fractions=(0.6, 0.2, 0.2))
    of = dict(zip(store.assay_ids, store.assays["target"], strict=True))
    folds = [{of[key] for key in ids} for ids in split.assays.values()]
    assert [len(fold) for fold in folds] == [3, 1, 1]
    assert len(set.union(*folds)) == 5
    with pytest.raises(InputError, match="targets"):
        split_assays(store, "target", targets={})


@pytest.mark.parametrize("by", ["molecule", "scaffold"])
def test_folds_share_no_molecule_or_scaffold(store: AssayStore, by: str, tmp_path: Path) -> None:
    folds = write_split(store, split_assays(store, by), tmp_path / "split")
    groups = store.identities if by == "molecule" else scaffold_numbers(store)
    group_of = dict(zip(store.smiles, groups, strict=True))
    held = {fold: {group_of[smiles] for smiles in part.smiles} for fold, part in folds.items()}
    assert not held["train"] & held["valid"]
    assert not held["train"] & held["test"]
    assert not held["valid"] & held["test"]
    report = pd.read_csv(tmp_path / "split" / "leakage.csv")
    assert (report["n_seen"] == 0).all()


@pytest.mark.parametrize("by", ANY_SIZE)
def test_parts_account_for_every_row(store: AssayStore, by: str, tmp_path: Path) -> None:
    split = split_assays(store, by)
    folds = write_split(store, split, tmp_path / "split")
    assert json.loads((tmp_path / "split" / "splits.json").read_text()) == split.assays
    assert sum(len(part.audit) for part in folds.values()) == len(store.audit)
    for fold, part in folds.items():
        assert part.assay_ids == split.assays[fold]
        assert len(part.graphs) == part.n_molecules == len(part.smiles)
        for key in part.assay_ids:
            whole, left = store.assay(key), part.assay(key)
            stays = np.isin(whole.rows, left.rows)
            np.testing.assert_array_equal(whole.rows[stays], left.rows)
            np.testing.assert_array_equal(whole.labels[stays], left.labels)
            smiles = [store.smiles[i] if i >= 0 else "" for i in whole.molecules[stays]]
            assert [part.smiles[i] if i >= 0 else "" for i in left.molecules] == smiles
            audit = part.audit[part.audit["assay_id"] == key]
            assert audit["row"].tolist() == whole.rows.tolist()
            assert (audit["action"] == "kept").sum() == left.kept.sum()
            assert by in ("molecule", "scaffold") or stays.all()
        assert part.assays["n_kept"].sum() == (part.audit["action"] == "kept").sum()
        chosen = [list(store.smiles).index(s) for s in part.smiles]
        assert (part.fingerprints != store.fingerprints[chosen]).nnz == 0
        assert (part.pairs != store.pairs[chosen]).nnz == 0
        assert (part.path / "pairs.npz").exists()
        np.testing.assert_array_equal(part.descriptors, store.descriptors[chosen])
        assert (part.path / "descriptors.npy").exists()
        n_atoms = dict(zip(store.smiles, store.graphs.n_atoms, strict=True))
        assert part.graphs.n_atoms.tolist() == [n_atoms[smiles] for smiles in part.smiles]


def test_isolated_assays_keep_their_molecules(tmp_path: Path) -> None:
    # Ten assays of molecules of their own, but for one molecule of E0; ten share a panel.
    chains = ["C" * n + end for n in range(1, 65) for end in ("O", "N", "S", "F", "Cl", "Br")]
    panel, rest = chains[:64], chains[64:]
    rows = [(f"P{k}", smiles, i % 2) for k in range(10) for i, smiles in enumerate(panel)]
    for k in range(5):
        own = rest[k * 64 : (k + 1) * 64] if k else [*rest[:63], panel[0]]
        rows += [(f"E{k}", smiles, i % 2) for i, smiles in enumerate(own)]
    store = AssayStore.from_frame(pd.DataFrame(rows, columns=["assay", "smiles", "label"]))
    split = split_assays(store, "isolated", fractions=(0.7, 0.1, 0.2), seed=3)
    assert [len(split.assays[fold]) for fold in ("train", "valid", "test")] == [10, 2, 3]
    held_out = split.assays["valid"] + split.assays["test"]
    assert all(key.startswith("E") for key in held_out)
    folds = write_split(store, split, tmp_path / "split")
    for fold in ("valid", "test"):
        assert (folds[fold].assays["n_kept"] == 64).all()
    assert (folds["train"].assays["n_kept"] == 63).all()  # without the molecule that E0 has too
    assert (pd.read_csv(tmp_path / "split" / "leakage.csv")["n_seen"] == 0).all()
    small = split_assays(store, "isolated", fractions=(0.9, 0.08, 0.02))  # 0.3 assays are one
    assert [len(small.assays[fold]) for fold in ("train", "valid", "test")] == [13, 1, 1]
    with pytest.raises(InputError, match="5 isolated ones"):
        split_assays(store, "isolated", fractions=(0.5, 0.1, 0.4))
    with pytest.raises(InputError, match="0 assays to hold out"):
        split_assays(store, "isolated", fractions=(1, 0, 0))


def test_lists(store: AssayStore, tmp_path: Path) -> None:
    path = tmp_path / "lists.json"
    path.write_text('{"train": ["A01", "A00", "B77"], "test": ["A05"]}')
    split = split_by_lists(store, path)
    assert split.assays == {"train": ["A01", "A00"], "test": ["A05"]}
    for text, reason in [
        ("[1]", "other JSON"),
        ('{"train": "A01"}', "other JSON"),
        ('{"train": ["B1"]}', "no assay of"),
        ('{"train": ["A01"], "test": ["A01"]}', "more than once"),
        ('{"train": [', "Expecting value"),
    ]:
        path.write_text(text)
        with pytest.raises(InputError, match=reason):
            split_by_lists(store, path)
    with pytest.raises(InputError, match="No such file"):
        split_by_lists(store, tmp_path / "nothing.json")


def test_leakage_counts() -> None:
    def of(**assays: str) -> AssayStore:
        rows = [(key, s, i % 2) for key, text in assays.items() for i, s in enumerate(text.split())]
        return AssayStore.from_frame(pd.DataFrame(rows, columns=["assay", "smiles", "label"]))

    train = of(A="CCO CCC c1ccccc1", B="CCN CCCC")
    test = of(A="CCCl CCBr", D="OCC CCC c1ccccc1", E="CCN CCF")
    (row,) = leakage({"train": train, "test": test}).to_dict("records")
    assert (row["seen"], row["fold"]) == ("train", "test")
    assert (row["n_assays"], row["n_same_assays"], row["n_same_sets"]) == (3, 1, 1)
    assert (row["n_molecules"], row["n_seen"], row["share_seen"]) == (7, 4, 4 / 7)
    assert row["nearest_median"] == 1.0


def test_scaffolds_of_some_molecules(store: AssayStore) -> None:
    some = np.array([3, 0, 3, 7])
    whole = scaffold_numbers(store)[some]
    part = scaffold_numbers(store, some)
    assert [len(set(numbers)) for numbers in (whole, part)] == [len(set(whole))] * 2
    assert (part[:, None] == part).tolist() == (whole[:, None] == whole).tolist()
    alcohols = AssayStore.from_frame(
        pd.DataFrame({"assay": "A", "smiles": ["CCO", "OCC", "CCN"], "label": [1, 0, 1]})
    )
    assert len(set(scaffold_numbers(alcohols)[:2])) == 1  # one molecule, written in two ways


def test_unknown_method(store: AssayStore) -> None:
    with pytest.raises(InputError, match="--by"):
        split_assays(store, "colour")


@pytest.mark.shared_data
def test_wide_tables_split_by_molecule(shared_data: Path, tmp_path: Path) -> None:
    # Every assay of SIDER has the same molecules: a fold keeps its share of each.
    store = featurize_files([shared_data / "moleculenet" / "sider.csv.gz"], None)
    folds = write_split(store, split_assays(store, "molecule"), tmp_path / "split")
    assert sum(part.n_molecules for part in folds.values()) == store.n_molecules
    assert min(part.n_molecules for part in folds.values()) > 0.25 * store.n_molecules
    assert pd.read_csv(tmp_path / "split" / "leakage.csv")["n_seen"].sum() == 0
