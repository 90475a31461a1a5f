"""The table of features: each entry computes, stacks, saves and loads rows of molecules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from scipy import sparse

from molmeta.chem.features import FEATURES, GRAPHS, Feature, Matrix, chosen
from molmeta.chem.featurize import FEATURE_SPEC, featurize
from molmeta.errors import InputError

MOLS = [Chem.MolFromSmiles("CCO"), None, Chem.MolFromSmiles("c1ccccc1O")]
EVERY = pytest.mark.parametrize("feature", FEATURES.values(), ids=list(FEATURES))


def dense(matrix: Matrix) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


@EVERY
def test_rows_are_those_of_each_molecule_alone(feature: Feature) -> None:
    whole = feature.compute(MOLS)
    assert sparse.issparse(whole) == bool(feature.counts)
    parts = feature.stack([feature.compute([mol]) for mol in MOLS])
    np.testing.assert_array_equal(dense(parts), dense(whole))


@EVERY
def test_what_was_saved_is_loaded(feature: Feature, tmp_path: Path) -> None:
    matrix = feature.compute(MOLS)
    feature.save(tmp_path, matrix)
    assert [path.name for path in tmp_path.iterdir()] == [feature.file]
    np.testing.assert_array_equal(dense(feature.load(tmp_path)), dense(matrix))


def test_what_is_asked_for_is_computed_and_nothing_else() -> None:
    result = featurize(["CCO", "no molecule"], reads=["descriptors"])
    assert list(result.features) == ["descriptors"]
    assert result.fingerprints is None
    assert result.descriptors is not None
    assert np.isnan(result.descriptors[1]).all()
    assert not len(result.graphs.atoms)


def test_a_name_that_does_not_exist_is_refused() -> None:
    assert chosen([GRAPHS]) == []
    with pytest.raises(InputError, match=r"'fingerprint'; expected one of .*'fingerprints'"):
        featurize(["CCO"], reads=["fingerprint"])


def test_every_feature_is_in_the_specification() -> None:
    names = {"ecfp" if name == "fingerprints" else name for name in FEATURES}
    assert names == FEATURE_SPEC.keys() - {"version", "atoms", "bonds"}
