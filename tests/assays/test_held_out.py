"""What training must not touch."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays.held_out import HeldOut
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
        HeldOut.of_stores("test", [other]).check(train, "training")


def test_the_same_content_under_another_id_is_refused() -> None:
    # Other order, another SMILES of the same molecule.
    hidden = pd.DataFrame(
        [("new", "NCC", 0.0), ("new", "OCC", 1.0)], columns=["assay", "smiles", "label"]
    )
    held_out = HeldOut.of_stores("test", [AssayStore.from_frame(ROWS.query("assay == 'a'"))])
    with pytest.raises(InputError, match="test assays: 'new';"):
        held_out.check(AssayStore.from_frame(hidden), "training")
    # The same molecules with other labels are another assay, as in a screening panel.
    held_out.check(AssayStore.from_frame(hidden.assign(label=[1.0, 0.0])), "training")


def test_lists_of_ids(tmp_path: Path) -> None:
    file = tmp_path / "lists.json"
    file.write_text(json.dumps({"train": ["a"], "test": ["b", "z"]}))
    train = AssayStore.from_frame(ROWS)
    with pytest.raises(InputError, match="test assays: 'b';"):
        HeldOut.of_lists(file).check(train, "training")
    HeldOut.of_lists(file).check(train.subset(["a"]), "training")
    file.write_text(json.dumps({"train": ["a"]}))
    with pytest.raises(InputError, match="got 'train'; expected a list `test`"):
        HeldOut.of_lists(file)


def test_the_digest_tells_what_is_held_out() -> None:
    a, b = (HeldOut.of_stores("test", [AssayStore.from_frame(ROWS).subset([x])]) for x in "ab")
    assert a.digest == (a | a).digest
    assert len({a.digest, b.digest, (a | b).digest, HeldOut("test", a.ids).digest}) == 4
