"""Batches: what each encoder reads, in the molecules' order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from molmeta.assays import AssayStore
from molmeta.chem.descriptors import DESCRIPTORS
from molmeta.chem.featurize import featurize
from molmeta.chem.standardize import STANDARD
from molmeta.episodes.batch import collate, make_batch, make_episode
from molmeta.episodes.draw import Draw
from molmeta.runs import Model
from molmeta.runs.recipe import build_learner, resolve_recipe

SMILES = ["CCO", "c1ccccc1O", "[Na+].[Cl-]", "CC(=O)Nc1ccc(O)cc1", "C"]
ALL = ("graphs", "fingerprints", "pairs", "descriptors")
FEATURES: Any = featurize(SMILES, reads=["graphs", "fingerprints", "pairs", "descriptors"])
REPEATED = np.array([3, 0, 3, 4, 2])


def test_rows_are_those_of_the_molecules_asked_for_repeats_included() -> None:
    batch = make_batch(FEATURES, REPEATED, ALL)
    for prefix, counted in (("fp", FEATURES.fingerprints), ("pair", FEATURES.pairs)):
        columns, counts, offsets = (
            batch[f"{prefix}_{name}"] for name in ("columns", "counts", "offsets")
        )
        dense = torch.zeros(len(REPEATED), 2048)
        ends = [*offsets[1:].tolist(), len(columns)]
        for row, (start, end) in enumerate(zip(offsets.tolist(), ends, strict=True)):
            dense[row, columns[start:end]] = counts[start:end]
        expected = counted.toarray()[REPEATED].astype(np.float32)
        np.testing.assert_array_equal(dense.numpy(), expected)
        assert expected[:3].any(1).all()  # the others are single atoms: no pairs
    np.testing.assert_array_equal(batch.descriptors, FEATURES.descriptors[REPEATED])
    graphs = collate(FEATURES.graphs, REPEATED)
    assert torch.equal(batch.x, graphs.x)
    assert torch.equal(batch.edge_index, graphs.edge_index)


@pytest.mark.parametrize("reads", [(read,) for read in ALL] + [()])
def test_only_what_is_read_is_made(reads: tuple[str, ...]) -> None:
    batch = make_batch(FEATURES, REPEATED, reads)
    assert ("x" in batch) == ("graphs" in reads)
    assert ("fp_columns" in batch) == ("fingerprints" in reads)
    assert ("pair_columns" in batch) == ("pairs" in reads)
    assert ("descriptors" in batch) == ("descriptors" in reads)


def test_no_molecules() -> None:
    batch = make_batch(FEATURES, np.array([], dtype=np.int64), ALL)
    assert len(batch.fp_columns) == len(batch.fp_offsets) == 0
    assert len(batch.pair_columns) == len(batch.pair_offsets) == 0
    assert batch.descriptors.shape == (0, FEATURES.descriptors.shape[1])


def test_store_computes_what_it_does_not_hold(tmp_path: Path) -> None:
    frame = pd.DataFrame({"assay": "A", "smiles": SMILES, "label": [1, 0, 1, 0, 1]})
    store = AssayStore.from_frame(frame, tmp_path / "store")
    assay, draw = store.assay(0), Draw(np.array([0, 3]), np.array([4, 1, 2]))
    episode = make_episode(store, assay, draw, ALL)
    for part, rows in ((episode.support, draw.support), (episode.query, draw.query)):
        expected = make_batch(store, assay.molecules[rows], ALL)
        molecules: Any = part.molecules
        assert torch.equal(molecules.fp_columns, expected.fp_columns)
        assert torch.equal(molecules.pair_counts, expected.pair_counts)
        assert torch.equal(part.labels, torch.from_numpy(assay.labels[rows]))
    support: Any = episode.support.molecules
    query: Any = episode.query.molecules
    assert episode.joint is not None
    joint = torch.cat([support.fp_counts, query.fp_counts])
    assert torch.equal(episode.joint.fp_counts, joint)
    direct = featurize(
        [store.smiles[i] for i in assay.molecules[draw.query]],
        standardize=store.standardize, reads=["graphs", "descriptors"])  # fmt: skip
    assert direct.descriptors is not None
    np.testing.assert_array_equal(query.descriptors, direct.descriptors)


ENCODERS: dict[str, tuple[dict[str, Any], bool]] = {
    "gine": ({"dim": 8, "layers": 1}, False),
    "fingerprint": ({"dim": 8, "hidden": 8}, True),
    "hybrid": ({"dim": 8, "hidden": 8, "graph_settings": {"dim": 8, "layers": 1}}, True),
}


@pytest.mark.parametrize(
    ("name", "pairs"),
    [*((name, False) for name in ENCODERS), ("fingerprint", True), ("hybrid", True)],
)
def test_a_model_featurizes_what_its_encoder_reads(name: str, pairs: bool, tmp_path: Path) -> None:
    settings, reads_more = ENCODERS[name]
    asked = {"pairs": True} if pairs else {}
    recipe = resolve_recipe({"encoder": {"name": name, **settings, **asked}})
    learner, salt = build_learner(recipe).eval(), "CC(=O)[O-].[Na+]"
    model = Model(learner, recipe.sections, tmp_path)
    features = model.featurize([salt, "no molecule"])
    assert (features.fingerprints is not None) == reads_more
    assert (features.descriptors is not None) == reads_more
    assert (features.pairs is not None) == pairs
    assert features.reasons[0] == "" != features.reasons[1]
    assert model.featurize([salt], fingerprints=True).fingerprints is not None
    reads = learner.encoder.reads
    assert ("pairs" in reads) == pairs
    assert learner.encode(make_batch(features, np.arange(1), reads)).shape == (1, 8)
    # In the form of the training molecules.
    in_form, as_drawn = (
        Model(learner, recipe.sections, tmp_path, form).featurize([salt])
        for form in (STANDARD, None)
    )
    for made, n_atoms in ((in_form, 4), (as_drawn, 5)):
        assert made.graphs.n_atoms.tolist() == [n_atoms if name != "fingerprint" else 0]
        if made.descriptors is not None:
            assert made.descriptors[0, DESCRIPTORS.index("HeavyAtomCount")] == n_atoms
