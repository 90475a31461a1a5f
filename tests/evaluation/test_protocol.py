"""Protocols: which rows are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from molmeta.assays.scaffolds import scaffold_numbers
from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.evaluation.protocol import PROTOCOLS, find_protocol


@pytest.mark.parametrize("seed", range(5))
def test_fsmol_draws_every_labelled_row_of_the_file(store: AssayStore, seed: int) -> None:
    assay = store.assay("assay 2")
    draw = PROTOCOLS["fsmol"](store, assay, "classification", 16, seed)
    # Computed anew: negatives, then positives, unparsable and repeated rows among them.
    rows = [r for r in range(len(assay)) if assay.labels[r] == 0]
    rows += [r for r in range(len(assay)) if assay.labels[r] == 1]
    assert len(rows) == 32
    y = [assay.labels[r] for r in rows]
    split = StratifiedShuffleSplit(1, train_size=16, test_size=16, random_state=seed)
    train, test = next(split.split(np.zeros((32, 1)), y))
    assert draw.support.tolist() == [rows[i] for i in train]
    assert draw.query.tolist() == [rows[i] for i in test]


@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS) - {"fsmol"}))
def test_other_protocols_share_no_molecule(store: AssayStore, protocol: str) -> None:
    assay = store.assay("assay 2")
    size = 4 if protocol == "moleculenet" else 8
    draw = PROTOCOLS[protocol](store, assay, "classification", size, 1)
    support, query = (store.identities[assay.molecules[p]] for p in (draw.support, draw.query))
    assert len(draw.support) == 8
    assert not set(support) & set(query)
    assert assay.kept[draw.support].all()
    assert assay.kept[draw.query].all()
    if protocol in ("moleculenet", "balanced"):
        assert assay.labels[draw.support].sum() == 4
    if protocol == "scaffold":
        groups = scaffold_numbers(store, assay.molecules)
        assert not set(groups[draw.support]) & set(groups[draw.query])


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_a_draw_is_a_function_of_its_seed(store: AssayStore, protocol: str) -> None:
    assay = store.assay("assay 0")
    first, again, other = (
        PROTOCOLS[protocol](store, assay, "classification", 8, seed).support for seed in (3, 3, 4)
    )
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'fsmol'"):
        find_protocol("fs-mol")
