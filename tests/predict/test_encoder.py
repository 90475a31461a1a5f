"""The encoder in scripts: a scikit-learn transformer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from molmeta.assays import drug_mechanisms
from molmeta.predict.encoder import EncoderTransformer, MoleculeEncoder
from tests.predict.models import random_model


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_it_stands_in_pipelines() -> None:
    model = random_model("fingerprint")
    drugs = drug_mechanisms("test").query("assay == 'fluoroquinolone'")
    transformer = EncoderTransformer(model)
    pipeline = make_pipeline(clone(transformer), SimpleImputer(), LogisticRegression())
    pipeline.fit([*drugs["smiles"], "no molecule"], [*drugs["label"], 0])
    assert pipeline.score(drugs["smiles"], drugs["label"]) > 0.5
    vectors = transformer.fit_transform(["CCO", "no molecule"])
    np.testing.assert_array_equal(vectors, MoleculeEncoder(model).encode(["CCO", "no molecule"]))
    assert len(transformer.get_feature_names_out()) == vectors.shape[1]
