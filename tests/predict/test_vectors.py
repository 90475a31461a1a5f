"""Stored vectors: embedded once, scored as molecules are, and refused by another model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch

from molmeta.assays import open_library
from molmeta.errors import InputError
from molmeta.learning import MAML, Learner
from molmeta.models import GINE, MatchingHead
from molmeta.models.context import Context
from molmeta.models.heads.prototypical import PrototypicalHead
from molmeta.predict.encoder import MoleculeEncoder
from molmeta.predict.library.screen import screen
from molmeta.predict.library.sources import MoleculeSource, VectorSource
from molmeta.predict.library.vector_writers import write_vectors
from molmeta.predict.library.vectors import (
    VectorFile,
    decode_numbers,
    encode_numbers,
    encoder_fingerprint,
)
from molmeta.runs.model import Model
from tests.predict.models import random_model
from tests.predict.test_screen import library_of, panel_of, rows_of, screened

TOLERANCE = {"fp32": 1e-6, "fp16": 0.01, "bf16": 0.1}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return library_of(tmp_path)


def embedded(model: Model, library: Path, path: Path, number_format: str = "fp32") -> Path:
    n_rows, rejected = MoleculeEncoder(model).encode_library(
        open_library(library), path, number_format=number_format
    )
    assert n_rows == 150
    assert sum(rejected.values()) >= 2
    return path


@pytest.mark.parametrize("number_format", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("ending", ["npy", "parquet"])
@pytest.mark.parametrize("kind", ["graph", "fingerprint", "taught"])
def test_vectors_score_as_molecules_do(
    kind: str, ending: str, number_format: str, library: Path, tmp_path: Path
) -> None:
    model = random_model(kind)
    panel = panel_of(model, 2)
    screened(panel, library, tmp_path / "molecules")
    path = embedded(model, library, tmp_path / f"v.{ending}", number_format)
    source = VectorSource(VectorFile.open(path, model), part_rows=40)
    summary = screen(panel, source, tmp_path / "vectors")
    expected, out = rows_of(tmp_path / "molecules"), rows_of(tmp_path / "vectors")
    own = ["id", "smiles", "status", "reason"] if ending == "parquet" else ["status"]
    pd.testing.assert_frame_equal(out[own], expected[own])
    for name in panel.assays:
        np.testing.assert_allclose(
            out[f"score_{name}"], expected[f"score_{name}"], atol=TOLERANCE[number_format]
        )
    assert summary.n_rows == 150
    if ending == "npy":
        assert out["row"].tolist() == list(range(150))


@pytest.mark.parametrize("number_format", ["fp32", "bf16"])
@pytest.mark.parametrize("ending", ["npy", "parquet"])
@pytest.mark.parametrize("head", ["kernel", "matching", "prototypical"])
def test_projected_vectors_score_as_molecules_do(
    head: str, ending: str, number_format: str, library: Path, tmp_path: Path
) -> None:
    model = random_model("fingerprint")
    if head != "kernel":
        other = {"matching": MatchingHead, "prototypical": PrototypicalHead}[head]()
        learner = Learner(GINE(dim=16, layers=1), other, MAML(steps=0), projection=8)
        model = replace(model, learner=learner.eval())
    panel = panel_of(model, 2)
    screened(panel, library, tmp_path / "molecules")
    path = tmp_path / f"v.{ending}"
    MoleculeEncoder(model).encode_library(
        open_library(library), path, number_format=number_format, projected=True
    )
    source = VectorSource(VectorFile.open(path, model), part_rows=40)
    screen(panel, source, tmp_path / "vectors")
    expected, out = rows_of(tmp_path / "molecules"), rows_of(tmp_path / "vectors")
    for name in panel.assays:
        np.testing.assert_allclose(
            out[f"score_{name}"], expected[f"score_{name}"], atol=TOLERANCE[number_format]
        )
    assert out["status"].tolist() == expected["status"].tolist()
    with torch.no_grad():  # another projection of the same encoder
        model.learner.matcher.projection.bias.add_(1)
    with pytest.raises(InputError, match="another model"):
        VectorFile.open(path, model)


def test_ready_vectors_of_another_metric_or_beside_a_context_are_told_apart() -> None:
    def fingerprint_of(metric: Literal["cosine", "euclidean"], context: bool) -> str:
        torch.manual_seed(0)
        head = MatchingHead()
        before = Context(dim=8, width=8, heads=1) if context else None
        learner = Learner(GINE(dim=16, layers=1), head, MAML(steps=0), before, projection=8)
        # What they have in common: the encoder and the projection, to the bit.
        learner.encoder.load_state_dict(model.learner.encoder.state_dict())
        learner.matcher.projection.load_state_dict(model.learner.matcher.projection.state_dict())
        recipe = {**model.recipe, "head": {"name": "matching", "metric": metric}}
        other = replace(model, learner=learner.eval(), recipe=recipe)
        assert encoder_fingerprint(other) == encoder_fingerprint(model)
        return encoder_fingerprint(other, ready=True)

    model = random_model("graph")
    kinds: list[Literal["cosine", "euclidean"]] = ["cosine", "euclidean"]
    told = [fingerprint_of(metric, context) for metric in kinds for context in (False, True)]
    assert len(set(told)) == 4


def test_what_moves_with_the_assay_is_not_stored(library: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"move the projection.*without --projected"):
        MoleculeEncoder(random_model("graph")).encode_library(
            open_library(library), tmp_path / "v.npy", projected=True
        )
    assert not (tmp_path / "v.npy").exists()


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_files_hold_what_encode_gives(library: Path, tmp_path: Path) -> None:
    model = random_model("fingerprint")
    smiles = pd.read_csv(library / "0.csv.gz", keep_default_na=False)["smiles"].tolist()
    expected = MoleculeEncoder(model).encode(smiles)
    found = np.load(embedded(model, library, tmp_path / "v.npy"))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    table = pd.read_parquet(embedded(model, library, tmp_path / "v.parquet"))
    np.testing.assert_allclose(np.stack(table["vector"].tolist()), expected, atol=1e-6)
    for ending, separator in (("csv", ","), ("tsv.gz", "\t")):
        text = pd.read_csv(embedded(model, library, tmp_path / f"v.{ending}"), sep=separator)
        np.testing.assert_allclose(text[[f"v{i}" for i in range(32)]], expected, rtol=1e-5)
    streamed = np.concatenate(list(MoleculeEncoder(model).stream([smiles[:70], smiles[70:]])))
    np.testing.assert_allclose(streamed, expected, atol=1e-6)


def test_numbers_come_back_to_half_a_unit_in_the_last_place() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    values[3, 1] = np.nan
    for number_format, bits in (("fp32", 24), ("fp16", 11), ("bf16", 8)):
        back = decode_numbers(encode_numbers(values, number_format), number_format).float().numpy()
        np.testing.assert_allclose(back, values, rtol=2.0**-bits, atol=1e-7)


def test_numbers_beyond_a_format_are_refused() -> None:
    big = np.array([[1e5, np.nan]], np.float32)
    with pytest.raises(InputError, match=r"--dtype fp16.*beyond its range"):
        encode_numbers(big, "fp16")
    assert float(decode_numbers(encode_numbers(big, "bf16"), "bf16")[0, 0]) == pytest.approx(
        1e5, rel=0.01
    )


def test_new_vectors_never_stand_beside_what_was_told_of_old_ones(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = random_model("graph"), tmp_path / "v.npy"
    embedded(model, library, path, "bf16")

    def killed(*_: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        embedded(model, library, path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="cannot be used"):
        VectorFile.open(path, model)
    embedded(model, library, path)
    assert VectorFile.open(path, model).number_format == "fp32"


def test_a_file_that_could_not_be_finished_is_not_there(library: Path, tmp_path: Path) -> None:
    model = random_model("fingerprint")
    source = MoleculeSource(open_library(library))

    def breaks() -> object:
        raise OSError("the disk is full")
        yield

    for ending in ("npy", "parquet", "csv"):
        with pytest.raises(OSError, match="full"):
            write_vectors(breaks(), tmp_path / f"v.{ending}", model, source.columns)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


def test_what_cannot_be_used_is_refused(library: Path, tmp_path: Path) -> None:
    model, other = random_model("graph"), random_model("fingerprint")
    for ending in ("npy", "parquet"):
        path = embedded(other, library, tmp_path / f"v.{ending}")
        with pytest.raises(InputError, match=r"another model.*--model"):
            VectorFile.open(path, model)
    (tmp_path / "v.npy.json").unlink()
    with pytest.raises(InputError, match=r"v.npy.*npy.json"):
        VectorFile.open(tmp_path / "v.npy", other)
    pd.DataFrame({"smiles": ["CCO"]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "text.npy").write_text("smiles\nCCO\n")
    for name in ("other.parquet", "text.npy", "none.npy", "none.parquet"):
        with pytest.raises(InputError, match="cannot be used"):
            VectorFile.open(tmp_path / name, model)
    adapts = random_model("adapts all")
    path = embedded(adapts, library, tmp_path / "a.npy")
    with pytest.raises(InputError, match="adapt: all"):
        screen(panel_of(adapts), VectorSource(VectorFile.open(path, adapts)), tmp_path / "out")
    for name, number_format in (("v.csv", "fp16"), ("v.txt", "fp32"), ("v.npy", "fp8")):
        with pytest.raises(InputError, match=r"output|--dtype"):
            write_vectors(iter([]), tmp_path / name, model, {}, number_format)
