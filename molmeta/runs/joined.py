"""Joined models: one of two, whose vectors are two terms of one similarity; nothing is trained."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from molmeta.errors import InputError
from molmeta.learning.learner import Learner
from molmeta.models.encoders.joined import Joined
from molmeta.models.known_assays import KnownAssays
from molmeta.resources import write_json
from molmeta.runs.config import CONFIG, load_config
from molmeta.runs.domain import DOMAIN
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.runs.seen import ASSAYS, MOLECULES, load_seen

JOINED = "joined"
"""The key of `config.json` that names the two models: folders beside its own."""

_BESIDE = ("sketch", "profile", "profile_sketch", "properties")


def join(first: Path, second: Path, folder: Path) -> None:
    """Write the folder of a model that joins two, which stay where they are.

    Its vector is both models' projected vectors, so that their cosines are averaged. What stands
    beside it is the second's; the inner step is the first's; strengths are the geometric means.
    The log-odds of known assays are averaged.

    >>> from molmeta.runs.model import load_model, shipped_models
    >>> folders = [shipped_models()[name] for name in ("graph", "fingerprint")]
    >>> for one in folders:
    ...     _ = shutil.copytree(one, one.name)
    >>> join(Path("graph"), Path("fingerprint"), Path("both"))
    >>> load_model("both").learner.encoder.columns.width("vector")
    1024

    Args:
        first: The folder of a model with ridge attention, such as `graph`.
        second: Likewise, of the same training assays, and in the same place as `first`.
        folder: Where the joined model goes; in the same place too.

    Raises:
        InputError: If the two do not fit each other.
    """
    if len({path.resolve().parent for path in (first, second, folder)}) > 1:
        raise InputError.of(
            f"joined model {folder}",
            got=f"{first} and {second}",
            expected="three folders in one place",
            fix="Copy the two models beside each other, and name a folder beside them.",
        )
    if load_seen(first).digests != load_seen(second).digests:
        raise InputError.of(
            f"joining {first} and {second}",
            got="models that were trained on other assays than each other",
            expected="models of the same training assays",
            fix="Train both on one store.",
        )
    one = load_config(first)
    recipe = _joined(one["recipe"], load_config(second)["recipe"])
    build_learner(resolve_recipe(recipe))  # refuses what does not fit, before anything is written
    folder.mkdir(exist_ok=True)
    for name in (ASSAYS, MOLECULES, DOMAIN):
        shutil.copyfile(second / name, folder / name)
    write_json(folder / CONFIG, {**one, "recipe": recipe, JOINED: [first.name, second.name]})


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Write the recipe of a joined model."""
    alone = {key: 0 if key in _BESIDE else value for key, value in first["encoder"].items()}
    encoder = {"name": "joined", "first": alone, "second": second["encoder"]}
    kept = {name: first[name] for name in ("head", "inner")}
    sums = {
        section: {**first[section], name: first[section][name] + second[section][name]}
        for section, name in (("known_assays", "rank"), ("learner", "projection"))
    }
    return {"encoder": encoder, **kept, **sums}


@torch.no_grad()
def fill(learner: Learner, first: Learner, second: Learner) -> None:
    """Fill a joined model's learner with what its two models have learned.

    Args:
        learner: Of a joined model's recipe; changed in place.
        first: The first model's.
        second: The second's.

    Raises:
        InputError: If the heads differ, or one of the models has a context or knows no assays.
    """
    encoder, parts = learner.encoder, (first.matcher, second.matcher)
    heads = [dict(part.head.named_parameters()) for part in parts]
    known = [part.known_assays for part in parts]
    own = learner.matcher.known_assays
    if (
        not isinstance(encoder, Joined)
        or own is None
        or known[0] is None
        or known[1] is None
        or heads[0].keys() != heads[1].keys()
        or any(part.context is not None for part in parts)
    ):
        raise InputError.of(
            "models to join",
            got="models whose heads differ, that have a context or that know no assays",
            expected="two models with the same terms of similarity, known assays and no context",
        )
    wanted = encoder.first.state_dict().keys()
    state = first.encoder.state_dict()
    encoder.first.load_state_dict({name: state[name] for name in wanted})
    encoder.second.load_state_dict(second.encoder.state_dict())
    for name, strength in learner.matcher.head.named_parameters():
        strength.copy_((heads[0][name] + heads[1][name]) / 2)
    projections = [part.projection for part in parts]
    learner.matcher.projection.weight.copy_(_diagonal(*(each.weight for each in projections)))
    learner.matcher.projection.bias.copy_(torch.cat([each.bias for each in projections]))
    _fill_known(own, known[0], known[1])


def _fill_known(own: KnownAssays, first: KnownAssays, second: KnownAssays) -> None:
    """Average two mixtures of the same assays: their places' cosines, and their log-odds."""
    both = first, second
    own.centre.copy_(torch.cat([each.centre for each in both]))
    own.directions.copy_(_diagonal(first.directions, second.directions))
    own.places = functional.normalize(torch.cat([each.places for each in both], 1), dim=-1)
    own.mean_readout.copy_(torch.cat([each.mean_readout for each in both]) / 2)
    own.axes.copy_(_diagonal(first.axes, second.axes) / 2)
    own.readouts = torch.cat([each.readouts for each in both], 1)
    own.biases = _mean(first.biases, second.biases)
    for name in ("log_sharpness", "log_trust", "log_weight"):
        strength: Tensor = getattr(own, name)
        strength.copy_(_mean(getattr(first, name), getattr(second, name)))


def _diagonal(left: Tensor, right: Tensor) -> Tensor:
    """Set two matrices along a diagonal, with zeros beside them."""
    matrix: Tensor = torch.block_diag(left, right)  # type: ignore[no-untyped-call]
    return matrix


def _mean(left: Tensor, right: Tensor) -> Tensor:
    return (left + right) / 2
