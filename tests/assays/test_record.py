"""What training must not touch."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays.record import AssayRecord
from molmeta.assays.store import AssayStore
from molmeta.errors import InputError

ROWS = pd.DataFrame(
    [("a", "CCO", 1.0), ("a", "CCN", 0.0), ("b", "CCO", 0.0), ("b", "CCN", 1.0)],
    columns=["assay", "smiles", "label"],
)


def test_the_same_id_is_refused_whatever_it_holds() -> None:
    train = AssayStore.from_frame(ROWS)
    other = AssayStore.from_frame(ROWS.query("assay == 'b'").assign(smiles=["CF", "CCl"]))
    with pytest.raises(InputError, match="training assays; got 1 that are test assays: 'b';"):
        AssayRecord.of(other, "test").refuse(AssayRecord.of(train), "training assays")


def test_the_same_content_under_another_id_is_refused() -> None:
    # Other order, another SMILES of the same molecule.
    hidden = pd.DataFrame(
        [("new", "NCC", 0.0), ("new", "OCC", 1.0)], columns=["assay", "smiles", "label"]
    )
    held_out = AssayRecord.of(AssayStore.from_frame(ROWS.query("assay == 'a'")), "test")
    with pytest.raises(InputError, match="test assays: 'new';"):
        held_out.refuse(AssayRecord.of(AssayStore.from_frame(hidden)), "training assays")
    # The same molecules with other labels are another assay, as in a screening panel.
    other = AssayStore.from_frame(hidden.assign(label=[1.0, 0.0]))
    held_out.refuse(AssayRecord.of(other), "training assays")


def test_lists_of_ids(tmp_path: Path) -> None:
    file = tmp_path / "lists.json"
    file.write_text(json.dumps({"train": ["a"], "test": ["b", "z"]}))
    train = AssayStore.from_frame(ROWS)
    with pytest.raises(InputError, match="test assays: 'b';"):
        AssayRecord.of_lists(file).refuse(AssayRecord.of(train), "training assays")
    AssayRecord.of_lists(file).refuse(AssayRecord.of(train.subset(["a"])), "training assays")
    file.write_text(json.dumps({"train": ["a"]}))
    with pytest.raises(InputError, match="got 'train'; expected a list `test`"):
        AssayRecord.of_lists(file)


def test_the_digest_tells_what_is_held_out() -> None:
    a, b = (AssayRecord.of(AssayStore.from_frame(ROWS).subset([x]), "test") for x in "ab")
    assert a.digest == (a | a).digest
    assert len({a.digest, b.digest, (a | b).digest, a.ids_alone.digest}) == 4
