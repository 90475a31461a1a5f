"""Every registered encoder and head, and every algorithm's recipe, trains from the program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays import AssayStore
from molmeta.models import ENCODERS, HEADS
from tests.cli.program import molmeta

TINY = [
    "steps=4", "assays_per_step=2", "support_sizes=[8]", "query_size=8", "log_every=2",
    "valid_every=4", "valid_support_sizes=[8]", "valid_draws=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("parts")
    assert molmeta("example", "-o", folder / "example").returncode == 0
    for fold in ("train", "valid"):
        table = folder / "example" / f"{fold}.csv"
        assert molmeta("featurize", table, "-o", folder / fold).returncode == 0
    return folder / "train", folder / "valid"


@pytest.mark.parametrize("adapt", ["matcher", pytest.param("all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("encoder", ENCODERS.names())
def test_every_encoder_trains(
    data: tuple[Path, Path], tmp_path: Path, encoder: str, adapt: str
) -> None:
    settings = f"name: {encoder}, dim: 16, layers: 2"
    if encoder == "joined":
        settings = "name: joined, first: {name: gine, dim: 8}, second: {name: fingerprint, dim: 8}"
    train(data, tmp_path, f"encoder={{{settings}}}", f"learner.adapt={adapt}")


def test_a_run_is_exported_or_refused(data: tuple[Path, Path], tmp_path: Path) -> None:
    for encoder, code, said in (("gine", 0, "vectors of 16"), ("gps", 2, "cannot be exported (")):
        folder = tmp_path / encoder
        train(data, folder, f"encoder={{name: {encoder}, dim: 16, layers: 1}}")
        done = molmeta("export", folder / "run", "-o", folder / "encoder.pt2")
        assert done.returncode == code
        assert said in done.stderr
        written = {path.name for path in folder.iterdir()} - {"run"}
        assert written == ({"encoder.pt2", "encoder.py"} if code == 0 else set())


@pytest.mark.parametrize("head", HEADS.names())
def test_every_head_trains(data: tuple[Path, Path], tmp_path: Path, head: str) -> None:
    train(data, tmp_path, f"head={head}", "encoder={dim: 16, layers: 1}")


RECIPES = [
    "default", "first_order", "adapt_all", "anil", "matching", "prototypical", "maml", "meta_sgd",
    "reptile", "context", "hybrid",
]  # fmt: skip


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_algorithm_trains(data: tuple[Path, Path], tmp_path: Path, recipe: str) -> None:
    train(data, tmp_path, "encoder.dim=16", "encoder.layers=1", recipe=recipe)


@pytest.mark.parametrize(
    ("recipe", "setting", "reason"),
    [
        ("maml", "inner={steps: 0}", "inner.steps: 0"),
        ("maml", "learner.projection=64", "Set head.dim to 64"),
        ("default", "learner.adapt=[matcher.haed]", "Did you mean 'matcher.head'"),
        ("meta_sgd", "inner.lr=0", "inner.rates: element"),
        ("reptile", "inner.rates=tensor", "inner.order: reptile; got inner.steps: 3, inner.rates"),
        ("matching", "inner.multi_step=0.5", "unknown key in inner"),
        ("matching", "head.noise=2", "unknown key in head"),
        ("matching", "head.tanimoto=1", "columns sketch; got vectors of vector"),
        ("matching", "head={attention: ridge, metric: euclidean}", "head.attention: ridge"),
        ("context", "learner.projection=64", "Set context.dim to 64"),
        ("context", "context.heads=3", "context.heads: 3"),
        ("adapt_all", "training.encoder_rate=0", "training.encoder_rate: 0"),
        ("default", "head={name: kernel, sketch: 64}", "columns sketch; got vectors of vector"),
        ("default", "pretraining.share=0.01", "pretraining.share"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused_with_the_reason(
    data: tuple[Path, Path], tmp_path: Path, recipe: str, setting: str, reason: str
) -> None:
    run = tmp_path / "run"
    done = molmeta("train", data[0], "--config", recipe, "-o", run, "--set", setting)
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split())
    assert not run.exists()


SMALL = [
    "encoder.hidden=16", "encoder.dim=16", "learner.projection=16",
    "known_assays.rank=4", "pretraining.epochs=3", "pretraining.final=1",
]  # fmt: skip


def test_the_shipped_recipe_trains_given_the_assays_targets(
    data: tuple[Path, Path], tmp_path: Path
) -> None:
    ids = AssayStore.open(data[0]).assay_ids
    info = pd.DataFrame({"assay_id": ids, "target_id": range(len(ids)), "target_class": "enzyme"})
    info.assign(target_name="").to_csv(tmp_path / "blank.csv", index=False)
    info.assign(target_name="kinase").to_csv(tmp_path / "assays.csv", index=False)
    given = ["--assay-info", tmp_path / "assays.csv"]
    train(data, tmp_path, *SMALL, recipe="fingerprint", options=given)
    for options, reason in (
        ([], "pretraining.groups: target_id; got 18 training assays of which nothing"),
        (["--assay-info", tmp_path / "blank.csv"], "pretraining.groups: target_name"),
        (["--assay-info", data[0] / "none.csv"], "cannot be read"),
        ([*given, "--set", "pretraining.groups=[]"], "got a recipe without pretraining.groups"),
    ):
        run = tmp_path / "refused"
        done = molmeta("train", data[0], "--config", "fingerprint", "-o", run, *options)
        assert done.returncode == 2
        assert reason in " ".join(done.stderr.split())
        assert not run.exists()


def train(
    data: tuple[Path, Path],
    folder: Path,
    *settings: str,
    recipe: str = "default",
    options: Sequence[object] = (),
) -> None:
    """A few steps, none of them skipped, whose losses and scores are numbers."""
    everything = [*settings, *(f"training.{setting}" for setting in TINY)]
    done = molmeta(
        "train", data[0], "--valid", data[1], "--config", recipe, "-o", folder / "run",
        *options, *(word for setting in everything for word in ("--set", setting)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(folder / "run" / "metrics.csv")
    assert metrics["step"].tolist() == [2, 4]
    assert metrics["loss"].notna().all()
    assert not metrics["skipped"].any()
