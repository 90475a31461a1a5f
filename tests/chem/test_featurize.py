"""Many SMILES → arrays: one row in, one row out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from molmeta.chem.binary import to_binary
from molmeta.chem.featurize import Featurized, featurize, featurize_stream
from tests.chem.conftest import assert_same_counts

MIXED: list[object] = ["CCO", None, "OCC", "CC(", 3.0, float("nan"), "C[C@H](F)Cl", "[C+20]", ""]


def test_one_row_in_one_row_out() -> None:
    result = featurize(MIXED, reads=["graphs", "fingerprints", "pairs"])
    accepted = [True, False, True, False, False, False, True, False, False]
    assert [not reason for reason in result.reasons] == accepted
    assert [bool(identity) for identity in result.identities] == accepted
    assert (result.graphs.n_atoms > 0).tolist() == accepted
    assert result.fingerprints is not None
    assert (result.fingerprints.getnnz(axis=1) > 0).tolist() == accepted
    assert result.pairs is not None
    assert (result.pairs.getnnz(axis=1) > 0).tolist() == accepted
    assert result.identities[0] == result.identities[2] == "CCO"


def test_graphs_can_be_left_out() -> None:
    whole = featurize(MIXED, reads=["graphs", "fingerprints", "descriptors"])
    bare = featurize(MIXED, reads=["fingerprints", "descriptors"])
    assert not bare.graphs.n_atoms.any()
    assert len(bare.graphs) == len(bare) == len(MIXED)
    assert bare.reasons[7] == ""  # a charge that graphs have no code for
    assert bare.reasons[:7] + bare.reasons[8:] == whole.reasons[:7] + whole.reasons[8:]
    assert bare.fingerprints is not None
    assert whole.fingerprints is not None
    assert (bare.fingerprints[:7] != whole.fingerprints[:7]).nnz == 0
    assert bare.descriptors is not None
    np.testing.assert_array_equal(bare.descriptors[:7], whole.descriptors[:7])  # type: ignore[index]


def test_identities_are_canonical_isomeric_smiles(assorted: list[str]) -> None:
    expected = [Chem.MolToSmiles(Chem.MolFromSmiles(smiles)) for smiles in assorted]
    assert featurize(assorted).identities == expected
    assert not any(featurize(assorted, identities=False).identities)


def test_order_of_rows_does_not_matter(
    assorted: list[str], assert_same: Callable[..., Any]
) -> None:
    order = np.random.default_rng(0).permutation(len(assorted))
    shuffled = featurize([assorted[index] for index in order]).graphs
    assert_same(featurize(assorted).graphs.select(order), shuffled)


def test_stream_gives_one_result_a_chunk() -> None:
    chunks = [MIXED[:2], [], MIXED[2:]]
    parts = list(featurize_stream(chunks, reads=["graphs", "fingerprints", "pairs"]))
    assert [len(part) for part in parts] == [2, 0, 7]
    joined = Featurized.concatenate(parts)
    whole = featurize(MIXED, reads=["graphs", "fingerprints", "pairs"])
    assert joined.reasons == whole.reasons
    assert joined.identities == whole.identities
    assert_same_counts(joined.fingerprints, whole.fingerprints)
    assert_same_counts(joined.pairs, whole.pairs)
    assert featurize(MIXED, reads=["graphs", "fingerprints"]).pairs is None


@pytest.mark.parametrize("kind", [tuple, np.array, pd.Series, pd.array])
def test_any_sequence_will_do(kind: Callable[..., Any]) -> None:
    rows = ["CCO", "C", "CC"]
    assert featurize(kind(rows)).identities == rows
    assert featurize(pd.Series(rows, index=[5, 0, -3])).identities == rows


def test_progress_counts_rows(assorted: list[str]) -> None:
    done: list[int] = []
    featurize(assorted * 3, progress=done.append)
    assert sum(done) == 3 * len(assorted)
    assert len(done) > 1


@pytest.mark.parametrize("fingerprints", [True, False])
def test_nothing_at_all(fingerprints: bool) -> None:
    reads = ["graphs", "fingerprints"] if fingerprints else ["graphs"]
    result = featurize([], reads=reads)
    assert len(result) == len(result.graphs) == 0
    assert (result.fingerprints is not None) == fingerprints
    if fingerprints:
        assert result.fingerprints is not None
        assert result.fingerprints.shape == (0, 2048)


AWKWARD: list[object] = [
    *("\0", "C\0C", "\ufeffCCO", "C" * 10_000, "C" * 10_000_000, "(" * 5000, "[" * 500, "1" * 999),
    *(
        "*",
        "*C*",
        "[*:1]C",
        "CC>>CO",
        ">>",
        "C>O>N",
        "[Fe+2].[Cl-].[Cl-]",
        "[Og]",
        "[#0]",
        "[#300]",
    ),
    *("C |", "C |$", "C |(1,2,3)|", "C name", "C\tname", "C\nC", "\ud800", "é", "C.é", "C" * 300),
    *(
        None,
        float("nan"),
        float("inf"),
        7,
        b"CCO",
        [],
        {},
        object,
        np.array(["C"]),
        "[CH99]",
        "[9999C]",
    ),
]


@given(st.lists(st.one_of(st.sampled_from(AWKWARD), st.text(max_size=30), st.sampled_from(MIXED))))
def test_no_row_is_lost_whatever_it_holds(rows: list[object]) -> None:
    result = featurize(rows, reads=["graphs", "fingerprints"])
    assert result.fingerprints is not None
    rejected = np.array([bool(reason) for reason in result.reasons], dtype=bool)
    assert len(rejected) == len(rows) == len(result.identities)
    np.testing.assert_array_equal(result.graphs.n_atoms == 0, rejected)
    np.testing.assert_array_equal([not identity for identity in result.identities], rejected)
    np.testing.assert_array_equal(result.fingerprints.getnnz(axis=1) == 0, rejected)


def test_a_molecule_on_which_a_feature_fails_is_rejected_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(mol: Chem.Mol) -> bytes:
        if mol.GetNumAtoms() == 5:
            raise RuntimeError("\nPre-condition Violation")
        return to_binary(mol)

    monkeypatch.setattr("molmeta.chem.featurize.to_binary", fails)
    features = featurize(["CCO", "CCCCC", "c1ccccc1"])
    assert features.reasons == ["", "RDKit fails on it: Pre-condition Violation", ""]
