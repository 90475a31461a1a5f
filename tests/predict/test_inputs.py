"""Molecules of every kind go the same way into encoders, estimators and `featurize`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molmeta import EncoderTransformer, FewShotClassifier, FewShotRegressor
from molmeta.chem.featurize import featurize
from molmeta.chem.inputs import as_smiles
from molmeta.errors import InputError, RejectedWarning
from molmeta.predict.encoder import MoleculeEncoder
from molmeta.runs.model import Model

SMILES = ["CCO", "c1ccccc1", "CC(N)C(=O)O", "CCN", "C[C@H](F)Cl", "OC(=O)/C=C/C"]
Y = [0, 1, 0, 1, 0, 1]


def with_conformer(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    mol.SetProp("_Name", "named")
    return mol


KINDS: dict[str, Callable[[], Any]] = {
    "list": lambda: list(SMILES),
    "tuple": lambda: tuple(SMILES),
    "array": lambda: np.array(SMILES),
    "objects": lambda: np.array(SMILES, dtype=object),
    "column": lambda: np.array(SMILES)[:, None],
    "Series": lambda: pd.Series(SMILES),
    "index reversed": lambda: pd.Series(SMILES, index=range(5, -1, -1)),
    "index repeated": lambda: pd.Series(SMILES, index=[0] * 6),
    "index of words": lambda: pd.Series(SMILES, index=list("fedcba")),
    "string dtype": lambda: pd.Series(SMILES, dtype="string"),
    "categories": lambda: pd.Series(SMILES, dtype="category"),
    "Index": lambda: pd.Index(SMILES),
    "frame": lambda: pd.DataFrame({"smiles": SMILES}, index=list("fedcba")),
    "Arrow": lambda: pa.array(SMILES),
    "Arrow chunks": lambda: pa.chunked_array([SMILES[:2], SMILES[2:]]),
    "generator": lambda: (one for one in SMILES),
    "map": lambda: map(str, SMILES),
    "keys": lambda: dict.fromkeys(SMILES).keys(),
    "molecules": lambda: [Chem.MolFromSmiles(one) for one in SMILES],
    "molecules, Series": lambda: pd.Series([Chem.MolFromSmiles(one) for one in SMILES]),
    "molecules, frame": lambda: pd.DataFrame({"m": [Chem.MolFromSmiles(one) for one in SMILES]}),
    "conformers": lambda: [with_conformer(one) for one in SMILES],
    "not sanitized": lambda: [Chem.MolFromSmiles(one, sanitize=False) for one in SMILES],
    "mixed": lambda: [*SMILES[:3], *(Chem.MolFromSmiles(one) for one in SMILES[3:])],
}


@pytest.fixture(scope="module")
def vectors(kernel_model: Model) -> Any:
    return MoleculeEncoder(kernel_model).encode(SMILES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_alike(kind: str, kernel_model: Model, vectors: Any) -> None:
    make, encoder = KINDS[kind], MoleculeEncoder(kernel_model)
    same: dict[str, Any] = {"atol": 1e-5}
    np.testing.assert_allclose(encoder.encode(make()), vectors, **same)
    np.testing.assert_allclose(np.concatenate(list(encoder.stream([make()]))), vectors, **same)
    np.testing.assert_allclose(
        EncoderTransformer(kernel_model).fit_transform(make()), vectors, **same
    )
    expected = FewShotClassifier(kernel_model).fit(SMILES, Y)
    fitted = FewShotClassifier(kernel_model).fit(make(), Y)
    np.testing.assert_allclose(fitted.log_odds(make()), expected.log_odds(SMILES), **same)
    values = FewShotRegressor(kernel_model).fit(make(), Y).predict(make())
    np.testing.assert_allclose(
        values, FewShotRegressor(kernel_model).fit(SMILES, Y).predict(SMILES), **same
    )
    for features in (fitted.featurize(make()), kernel_model.featurize(make()), featurize(make())):
        assert not any(features.reasons)
        assert len(features) == len(SMILES)
    assert featurize(make()).identities == featurize(SMILES).identities


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "text": (lambda: "CCO", "a single text"),
    "bytes": (lambda: b"CCO", "a single text"),
    "numpy text": (lambda: np.str_("CCO"), "a single text"),
    "molecule": (lambda: Chem.MolFromSmiles("CCO"), "a single Mol"),
    "None": (lambda: None, "a single NoneType"),
    "number": (lambda: 5, "a single int"),
    "array of no shape": (lambda: np.array("CCO"), r"shape \(\)"),
    "two columns": (lambda: pd.DataFrame({"a": SMILES, "b": SMILES}), r"shape \(6, 2\)"),
    "no columns": (lambda: pd.DataFrame(index=range(6)), r"shape \(6, 0\)"),
    "cube": (lambda: np.array(SMILES)[:, None, None], r"shape \(6, 1, 1\)"),
    "dict": (lambda: dict.fromkeys(SMILES), "dict, whose order"),
    "set": (lambda: set(SMILES), "set, whose order"),
    "frozenset": (lambda: frozenset(SMILES), "frozenset, whose order"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_row_of_molecules_is_refused(kind: str, kernel_model: Model) -> None:
    make, message = REFUSED[kind]
    fitted = FewShotClassifier(kernel_model).fit(SMILES, Y)
    encoder = MoleculeEncoder(kernel_model)
    ways: list[Callable[[Any], Any]] = [
        encoder.encode,
        lambda given: list(encoder.stream([given])),
        EncoderTransformer(kernel_model).fit_transform,
        lambda given: FewShotClassifier(kernel_model).fit(given, Y),
        lambda given: FewShotRegressor(kernel_model).fit(given, Y),
        fitted.predict,
        fitted.predict_proba,
        fitted.predict_active,
        fitted.explain,
        fitted.atom_contributions,
        fitted.applicability,
        fitted.featurize,
        kernel_model.featurize,
        featurize,
    ]
    for way in ways:
        with pytest.raises(InputError, match=message):
            way(make())


def test_texts_are_no_chunks(kernel_model: Model) -> None:
    with pytest.raises(InputError, match="a single text"):
        list(MoleculeEncoder(kernel_model).stream(SMILES))


def test_what_is_missing_or_strange_keeps_its_row_and_is_told(kernel_model: Model) -> None:
    bad = [None, float("nan"), pd.NA, pd.NaT, "", "  ", 5, b"CCO", Chem.MolFromSmarts("[C,N]"),
           Chem.Mol(), ["CCO"], "C1CC"]  # fmt: skip
    given = [SMILES[0], *bad, Chem.MolFromSmiles(SMILES[1])]
    with pytest.warns(RejectedWarning, match="12 of 14 molecules.*first at position 1: no SMILES"):
        vectors = MoleculeEncoder(kernel_model).encode(given)
    assert np.isnan(vectors).all(1).tolist() == [False, *[True] * 12, False]
    reasons = kernel_model.featurize(given).reasons
    assert [bool(one) for one in reasons] == [False, *[True] * 12, False]
    fitted = FewShotClassifier(kernel_model).fit(SMILES, Y)
    for method in ("predict_active", "log_odds", "decision_function", "predict_proba"):
        with pytest.warns(RejectedWarning, match="12 of 14.*get NaN") as told:
            found = getattr(fitted, method)(given)
        assert told[0].filename == __file__
        assert np.isnan(found).reshape(14, -1).all(1).tolist() == [False, *[True] * 12, False]
    for method in ("applicability", "explain"):
        with pytest.warns(RejectedWarning):
            getattr(fitted, method)(given)
    for method in ("predict", "atom_contributions"):
        with pytest.raises(InputError, match=r"molecule 1 does not parse; got None \(no SMILES\)"):
            getattr(fitted, method)(given)
    with pytest.warns(RejectedWarning, match="12 of 18 molecules.*left out of the support set"):
        again = FewShotClassifier(kernel_model).fit([*SMILES, *bad], [*Y, *[0] * 12])
    assert [place for place, _ in again.rejected_] == list(range(6, 18))
    np.testing.assert_array_equal(again.log_odds(SMILES), fitted.log_odds(SMILES))


def test_a_stream_warns_once(kernel_model: Model) -> None:
    chunks = [["CCO"], ["CCO", "no"], ["no"]]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = list(MoleculeEncoder(kernel_model).stream(chunks))
    assert [len(one) for one in found] == [1, 2, 1]
    assert len(told) == 1
    assert "later chunks" in str(told[0].message)


def test_a_query_is_no_molecule() -> None:
    """Its SMILES would be that of another molecule: of [C,N] carbon's."""
    query = Chem.MolFromSmarts("[C,N]c1ccccc1")
    assert as_smiles([query]) == [query]


def test_frames_of_output_keep_their_rows(kernel_model: Model, vectors: Any) -> None:
    frame = pd.DataFrame({"smiles": SMILES}, index=list("fedcba"))
    transformer = EncoderTransformer(kernel_model).set_output(transform="pandas")
    found = transformer.fit_transform(frame)
    assert found.index.tolist() == frame.index.tolist()
    assert found.columns.tolist() == list(transformer.get_feature_names_out())
    np.testing.assert_allclose(found, vectors, atol=1e-5)
