"""Two trained models joined: each part of it is the mean, or one after the other, of theirs."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from molmeta.assays import drug_mechanisms
from molmeta.errors import InputError
from molmeta.learning.learner import Learner
from molmeta.learning.scorer import Scorer
from molmeta.models import Context, Joined
from molmeta.runs.joined import fill, join
from molmeta.runs.model import load_model, shipped_models

SMILES = drug_mechanisms("test")["smiles"].unique().tolist()[:24]
EVERY = np.arange(len(SMILES))
LABELS = np.resize([1, 0, 0], len(SMILES)).astype(np.float32)
THREE = ("graph", "fingerprint", "default")


@cache
def learner(name: str) -> Learner:
    return load_model(name).learner


@cache
def rows(name: str) -> Tensor:
    return Scorer(learner(name), load_model(name).featurize(SMILES)).vectors(EVERY)


def vectors(name: str) -> Tensor:
    return rows(name)[:, learner(name).encoder.columns["vector"]]


def copies(folder: Path, *names: str) -> list[Path]:
    return [Path(shutil.copytree(shipped_models()[name], folder / name)) for name in names]


def test_rows_are_the_firsts_vector_and_all_of_the_second() -> None:
    torch.testing.assert_close(
        rows("default"), torch.cat([vectors("graph"), rows("fingerprint")], 1)
    )


@torch.no_grad()
def test_cosines_are_the_mean_of_both_weighed_by_length() -> None:
    first, second, both = (learner(name).matcher.projection(vectors(name)) for name in THREE)
    torch.testing.assert_close(both, torch.cat([first, second], 1))
    each = first @ first.T + second @ second.T
    torch.testing.assert_close(both @ both.T, each, rtol=1e-4, atol=1e-3)


@torch.no_grad()
def test_each_known_assays_log_odds_and_places_are_the_means() -> None:
    read, alike = [], []
    for name in THREE:
        known = learner(name).matcher.known_assays
        assert known is not None
        described = known.describe(vectors(name))
        own = described[:, known.rank : -2] @ known.readouts.T
        read.append(own + described[:, -2:-1] + known.biases)
        alike.append(known.places[:100] @ known.places[:100].T)
    torch.testing.assert_close(read[2], (read[0] + read[1]) / 2, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(alike[2], (alike[0] + alike[1]) / 2, atol=1e-3, rtol=0)


def test_strengths_are_the_geometric_means() -> None:
    heads = [dict(learner(name).matcher.head.named_parameters()) for name in THREE]
    for name, strength in heads[2].items():
        torch.testing.assert_close(strength, (heads[0][name] + heads[1][name]) / 2)


def test_it_takes_the_firsts_inner_step() -> None:
    subject = learner("default")
    scorer = Scorer(subject, load_model("default").featurize(SMILES))
    name = "matcher.head.attention.log_noise"
    own = dict(subject.named_parameters())[name].item()
    assert scorer.adapt(EVERY, LABELS).parameters[name].item() != pytest.approx(own)
    assert scorer.adapt(EVERY, LABELS, steps=0).parameters[name].item() == own


def test_the_shipped_model_is_what_join_writes(tmp_path: Path) -> None:
    first, second = copies(tmp_path, "graph", "fingerprint")
    join(first, second, tmp_path / "both")
    for path in (tmp_path / "both").iterdir():
        assert path.read_bytes() == (shipped_models()["default"] / path.name).read_bytes(), path
    assert isinstance(load_model(tmp_path / "both").learner.encoder, Joined)


def test_models_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    first, second = copies(tmp_path, "graph", "fingerprint")
    with pytest.raises(InputError, match="three folders in one place"):
        join(first, shipped_models()["fingerprint"], tmp_path / "both")
    with pytest.raises(InputError, match=r"head\.dim"):  # an older head, which names its width
        join(second, first, tmp_path / "both")
    (second / "assays.json").write_text('{"another": "0"}')
    with pytest.raises(InputError, match="other assays than each other"):
        join(first, second, tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_part_that_is_lost_is_named(tmp_path: Path) -> None:
    first, second = copies(tmp_path, "graph", "fingerprint")
    join(first, second, tmp_path / "both")
    shutil.rmtree(first)
    with pytest.raises(InputError, match=r"model .*graph; got no such run folder"):
        load_model(tmp_path / "both")


def test_a_model_with_a_context_is_not_joined() -> None:
    first, second, own = (load_model(name).learner for name in THREE)
    fill(own, first, second)
    first.matcher.context = Context(dim=8, blocks=1, heads=2)
    with pytest.raises(InputError, match="no context"):
        fill(own, first, second)
