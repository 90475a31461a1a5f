"""Panels: one or more assays, each adapted to its own support set, on one pass of molecules.

Whatever scores molecules of a new assay does so here: estimators, tables, screens, evaluations.

The encoder runs once a molecule, and so does the projection where no inner step has moved it, with
all that a head makes of a vector without looking at a support set; what an assay costs beyond that
is its comparison.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch

from molmeta.chem.featurize import Featurized
from molmeta.errors import InputError, MolmetaError
from molmeta.learning.adapted import Adapted
from molmeta.learning.scorer import Scorer
from molmeta.models.matcher import Matcher
from molmeta.runs.model import Model
from molmeta.tensors import digest_tensors, under

_DIVERGED = "the model's scores are not finite: its training diverged"
_ROWS = 2048  # vectors that are scored at once: they stay in a core's cache


@dataclass(frozen=True)
class _Member:
    """The matcher of an adapted assay, and what its `fit` made of the support set."""

    matcher: Matcher
    shares_prepared: bool
    fitted: tuple[Any, Any]


class Panel:
    """Adapted assays, k of them, that are scored together.

    Args:
        model: What was adapted.
        adapted: To each assay.
        assays: Their names, k of them, where they have some.
        identity: A hash of the model and of what the assays were learnt from.
        prevalences: The share of actives to expect for each assay, k of them, None as in its
            support set; by default all of them None.

    Attributes:
        labels: Of their support sets, k arrays.
    """

    def __init__(
        self,
        model: Model,
        adapted: Sequence[Adapted],
        assays: Iterable[str] = (),
        identity: str = "",
        prevalences: Sequence[float | None] = (),
    ) -> None:
        self.model = model
        self.assays = tuple(assays)
        self.identity = identity
        self.labels = [_classes(model, one) for one in adapted]
        self._adapted = adapted
        self._prevalences = prevalences or [None] * len(adapted)
        self._device = model.learner.device
        self._members = [_member(model, one) for one in adapted]

    def score(
        self,
        features: Featurized,
        prevalence: float | None = None,
        number: type[np.floating] = np.float32,
        scorer: Scorer | None = None,
    ) -> NDArray[Any]:
        """Log-odds of being active in each assay, (n, k); NaN where a molecule does not parse.

        Args:
            features: Of n molecules.
            prevalence: As of `Model.calibrate`, for all assays instead of their own.
            number: What scores are calibrated in: a library needs few digits, and little memory.
            scorer: Of the learner and these features, where it serves something else too.

        Raises:
            MolmetaError: If a score is not finite.
        """
        rows = np.flatnonzero(features.parsed)
        scores = np.full((len(features), len(self._members)), np.nan, number)
        if len(rows):
            scorer = scorer or Scorer(self.model.learner, features)
            scores[rows] = self.score_rows(scorer, rows, prevalence, number)
        return scores

    def score_rows(
        self,
        scorer: Scorer,
        rows: NDArray[np.int64],
        prevalence: float | None = None,
        number: type[np.floating] = np.float32,
    ) -> NDArray[Any]:
        """Score the molecules at `rows` that a scorer of the learner holds, (r, k)."""
        return self._calibrated(finite(scorer.apply(self._score_part, rows)), prevalence, number)

    @torch.no_grad()
    def score_vectors(self, vectors: Tensor, *, ready: bool = False) -> NDArray[np.float32]:
        """Score stored vectors, (n, k); NaN where a vector is.

        Args:
            vectors: The encoder's, shape (n, dim), or what `Matcher.prepare` made of them.
            ready: Which.

        Raises:
            InputError: If the encoder adapts to each assay, so that no vector serves all; or the
                projection does, and the vectors are ready.
            MolmetaError: If a score is not finite where the vector is.
        """
        if ready:
            check_ready(self.model)
        if not self.model.learner.embeds_once:
            raise InputError.of(
                "stored vectors",
                got="a model with `adapt: all`, whose encoder changes with each assay",
                expected="molecules (--input)",
                fix="Use a model trained with `adapt: matcher`.",
            )
        scores = self._score_blocks(vectors, ready).numpy()
        unfinished = np.flatnonzero(~np.isfinite(scores).all(1))
        if len(unfinished) and torch.isfinite(vectors[torch.from_numpy(unfinished)]).all(1).any():
            raise MolmetaError(_DIVERGED)
        return self._calibrated(scores, None, np.float32)

    def _calibrated(
        self, scores: NDArray[np.float32], prevalence: float | None, number: type[np.floating]
    ) -> NDArray[Any]:
        columns = scores.astype(number, copy=False).T
        shares = [one if prevalence is None else prevalence for one in self._prevalences]
        given = zip(columns, self.labels, shares, strict=True)
        return np.stack([self.model.calibrate(*one) for one in given], 1)

    def _score_part(self, molecules: Batch | Tensor) -> Tensor:
        if isinstance(molecules, Tensor):
            return self._score_blocks(molecules, ready=False)
        return torch.stack([one.score(molecules) for one in self._adapted], 1)

    @torch.no_grad()
    def _score_blocks(self, vectors: Tensor, ready: bool) -> Tensor:
        scores = torch.empty(len(vectors), len(self._members))
        for start in range(0, len(vectors), _ROWS):
            block = vectors[start : start + _ROWS].to(self._device, torch.float32)
            common = block
            if not ready and any(member.shares_prepared for member in self._members):
                common = self.model.learner.matcher.prepare(block)
            for column, member in enumerate(self._members):
                own = common if member.shares_prepared else member.matcher.prepare(block)
                found = member.matcher.score(member.fitted, own)
                scores[start : start + _ROWS, column] = found
        return scores


def identity_of(model: Model, assays: Sequence[Sequence[Any]]) -> str:
    """Hash a model and what it learns from: plain values of each assay."""
    form = model.standardize.spec if model.standardize else None
    heat = model.calibration.temperatures if model.calibration else None
    digest = hashlib.sha256(json.dumps([model.recipe, form, assays, heat]).encode())
    digest.update(bytes(digest_tensors(model.learner.state_dict()).tolist()))
    return digest.hexdigest()[:24]


def finite(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Refuse scores or weights that are not finite, with a MolmetaError."""
    if not np.isfinite(scores).all():
        raise MolmetaError(_DIVERGED)
    return scores


def _classes(model: Model, adapted: Adapted) -> NDArray[np.float32]:
    """Give the labels of a support set without their grades."""
    labels: NDArray[np.float32] = adapted.labels.cpu().numpy()
    return labels if model.learner.continuous else (labels > 0.5).astype(np.float32)


def check_ready(model: Model) -> None:
    """Refuse vectors that are ready to be compared where they would differ by assay.

    Raises:
        InputError: If an inner step moves the projection or what is below it.
    """
    if not model.learner.projects_once:
        raise InputError.of(
            "projected vectors",
            got="a model whose inner steps move the projection, for each assay elsewhere",
            expected="a model without inner steps, or with `adapt: head`",
            fix="Embed without --projected.",
        )


def check_classes(name: str, labels: NDArray[np.float32]) -> None:
    """Refuse the labels of an assay's molecules that parse if one of the two classes is missing.

    Raises:
        InputError: If so.
    """
    classes = np.unique(labels > 0.5).astype(int)
    if classes.tolist() != [0, 1]:
        raise InputError.of(
            f"support set {name}",
            got=f"{len(labels)} molecules that parse, with the labels {classes.tolist()}",
            expected="at least one active and one inactive molecule",
            fix="Add a measured molecule of the other class, or leave this assay out.",
        )


@torch.no_grad()
def _member(model: Model, adapted: Adapted) -> _Member:
    """The learner's own layers where adaptation left them as they are, else a changed copy."""
    matcher = model.learner.matcher
    moved = {
        name: value
        for name, value in under("matcher.", adapted.parameters).items()
        if not torch.equal(value, matcher.get_parameter(name))
    }
    if moved:
        matcher = copy.deepcopy(matcher)
        matcher.load_state_dict(moved, strict=False)
    shares = not any(name.startswith("projection.") for name in moved)
    fitted = matcher.fit(matcher.prepare(adapted.support), adapted.labels)
    return _Member(matcher, shares, fitted)
