"""What version 0.1 wrote is read: the names of its parameters, and the words of its recipes.

`run_of_version_0_1` was trained by that version, with learned inner rates, known assays, and a
kernel head that reads a sketch, profiles and properties; `scores.json` is what it then scored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from molmeta.assays import drug_mechanisms
from molmeta.errors import InputError
from molmeta.learning.scorer import Scorer
from molmeta.models import Columns, MatchingHead
from molmeta.models.aliases import renamed, today, without_gone
from molmeta.models.attention import Ridge
from molmeta.runs.config import load_config
from molmeta.runs.model import load_model
from molmeta.runs.recipe import build_learner, resolve_recipe

RUN = Path(__file__).parent / "run_of_version_0_1"


def test_a_run_of_version_0_1_scores_as_it_did() -> None:
    frame = drug_mechanisms("test").query("assay == 'fluoroquinolone'")
    frame = frame.sample(frac=1, random_state=0)
    model = load_model(RUN)
    model.learner.matcher._recalled = None  # as then: known assays without a gate
    scorer = Scorer(model.learner, model.featurize(frame["smiles"].tolist()))
    adapted = scorer.adapt(np.arange(12), frame["label"].to_numpy(np.float32)[:12])
    scores = scorer.score(adapted, np.arange(len(frame)))
    expected = json.loads((RUN / "scores.json").read_text(encoding="utf-8"))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_its_shared_rates_are_those_of_every_part_of_the_head() -> None:
    learner = load_model(RUN).learner
    rates = learner.inner.state_dict()
    of_head = [rate for name, rate in rates.items() if "matcher/head" in name]
    assert len(of_head) == 5
    assert all(torch.equal(rate, of_head[0]) for rate in of_head)
    assert not torch.equal(of_head[0], rates["log_ratios.matcher/projection"])


def test_what_this_version_saves_is_left_alone() -> None:
    state = load_model(RUN).learner.state_dict()
    again = renamed(state, state.keys())
    assert again.keys() == state.keys()
    assert all(again[name] is value for name, value in state.items())


def test_names_that_stand_for_nothing_are_still_refused() -> None:
    learner = load_model(RUN).learner
    with pytest.raises(RuntimeError, match=r"Unexpected key.*above\.nothing"):
        learner.load_state_dict({**learner.state_dict(), "above.nothing": torch.zeros(1)})


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("above", "matcher"),
        ("all", "all"),
        (["above.head", "encoder.final_norm"], ["matcher.head", "encoder.final_norm"]),
        (("above.known",), ["matcher.known_assays"]),
        (3, 3),
    ],
)
def test_what_adapts_is_said_in_the_words_of_today(before: object, now: object) -> None:
    recipe = {"learner": {"adapt": before, "projection": 8}, "head": "linear"}
    assert today(recipe) == {**recipe, "learner": {"adapt": now, "projection": 8}}


def test_kernel_is_matching_by_ridge_attention() -> None:
    encoder = {"name": "fingerprint", "dim": 6, "hidden": 2, "sketch": 4, "properties": 3}
    old = {"name": "kernel", "dim": 5, "sketch": 4, "properties": 3, "length": 2.0}
    new = {"attention": "ridge", "tanimoto": 1.0, "properties": 2.0, "prior": True}
    states = []
    for head in (old, new):
        torch.manual_seed(0)
        recipe = {"encoder": encoder, "head": head, "learner": {"projection": 5}}
        learner = build_learner(resolve_recipe({**recipe, "inner": {"steps": 0}}))
        assert isinstance(learner.matcher.head, MatchingHead)
        assert isinstance(learner.matcher.head.attention, Ridge)
        states.append(learner.state_dict())
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert learner.encoder.columns == Columns(vector=6, sketch=4, properties=3)


def test_settings_that_are_gone_are_dropped_unless_a_model_needs_them() -> None:
    recipe: dict[str, Any] = {
        "inner": {"steps": 3, "multi_step": 0.3, "recompute": True},
        "context": {"blocks": 1, "memory": 0},
    }
    assert without_gone(recipe) == {"inner": {"steps": 3}, "context": {"blocks": 1}}
    needed = without_gone({"context": {"blocks": 1, "memory": 20}})
    with pytest.raises(InputError, match="memory"):
        resolve_recipe(needed)


def test_the_configuration_of_version_0_1_resolves() -> None:
    resolved = resolve_recipe(load_config(RUN)["recipe"])
    assert resolved.learner["adapt"] == "matcher"
    assert resolved.head.name == "kernel"
