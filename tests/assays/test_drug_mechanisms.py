"""The bundled data set: inactives come from the same split, and draws depend on the seed alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays import drug_mechanisms


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [f"drug{i},{'C' * (i + 1)},CH4,m{i // 5}" for i in range(30)]
    (tmp_path / "drugs.csv").write_text("name,smiles,formula,mechanism\n" + "\n".join(lines))
    (tmp_path / "dataset.yaml").write_text(
        "splits:\n  train: [m0, m1, m2]\n  valid: [m3, m4]\n  test: [m5]\n"
    )
    return tmp_path


def test_actives_are_the_mechanism_and_inactives_of_the_same_split(folder: Path) -> None:
    frame = drug_mechanisms(folder=folder, n_inactive_per_active=1)
    mechanism = frame["name"].str[4:].astype(int) // 5
    assert (frame["label"] == (frame["assay"] == "m" + mechanism.astype(str))).all()
    split = {0: "train", 1: "train", 2: "train", 3: "valid", 4: "valid", 5: "test"}
    assert (mechanism.map(split) == frame["split"]).all()
    assert frame[frame["assay"] == "m0"]["label"].tolist() == [1] * 5 + [0] * 5
    assert frame[frame["assay"] == "m5"]["label"].tolist() == [1] * 5  # no others in its split
    assert not frame.duplicated(["assay", "name"]).any()


def test_one_split_is_the_same_rows_as_in_all(folder: Path) -> None:
    everything = drug_mechanisms(folder=folder, seed=3)
    valid = drug_mechanisms("valid", folder=folder, seed=3)
    expected = everything[everything["split"] == "valid"].reset_index(drop=True)
    pd.testing.assert_frame_equal(valid, expected)


def test_draw_depends_on_the_seed(folder: Path) -> None:
    draws = [drug_mechanisms(folder=folder, n_inactive_per_active=1, seed=s) for s in (0, 0, 1)]
    pd.testing.assert_frame_equal(draws[0], draws[1])
    assert not draws[0].equals(draws[2])
