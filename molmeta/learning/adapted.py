"""A learner that has been adapted to one assay: it scores, and lies in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch_geometric.data import Batch

from molmeta.episodes.episode import LabelledSet
from molmeta.errors import InputError
from molmeta.learning.inner import Parameters
from molmeta.tensors import digest_tensors, load_tensors, save_tensors, under

if TYPE_CHECKING:
    from molmeta.learning.learner import Learner

_OF, _VERSION = "learner", "version"
VERSION = 1
"""Of files of adapted learners; molmeta 0.1 wrote none, which counts as 1."""


@dataclass(frozen=True)
class Adapted:
    """A learner adapted to one assay.

    >>> import numpy as np
    >>> from molmeta import load_model
    >>> from molmeta.learning import Scorer
    >>> model = load_model("graph")
    >>> scorer = Scorer(model.learner, model.featurize(["CCO", "CCN"]))
    >>> adapted = scorer.adapt(np.arange(2), np.array([1, 0], np.float32))
    >>> adapted.save("adapted.safetensors")
    >>> Adapted.load("adapted.safetensors", model.learner).labels
    tensor([1., 0.])

    Attributes:
        learner: Where it comes from; unchanged.
        parameters: The adapted parameters, by name.
        support: Embeddings of the support set under them, shape (s, d).
        labels: Of the support set, shape (s,).
    """

    learner: Learner
    parameters: Parameters
    support: Tensor
    labels: Tensor

    def score(self, molecules: Batch | Tensor) -> Tensor:
        """Log-odds of being active, shape (n,), from graphs or stored embeddings."""
        query = self.learner.encode(molecules, self.parameters)
        return self.learner.scores(self.parameters, self.support, self.labels, query)

    def weights(
        self, give: Literal["attention", "contributions"], molecules: Batch | Tensor
    ) -> Tensor:
        """Weigh each support molecule for each molecule, shape (n, s); see the heads.

        Raises:
            InputError: If the head does not say.
        """
        query = self.learner.encode(molecules, self.parameters)
        matcher = self.learner.matcher
        weigh = matcher.attention if give == "attention" else matcher.contributions
        with self.learner.holding(self.parameters):
            return weigh(self.support, self.labels, query)

    @torch.no_grad()
    def covariance(self, molecules: Batch | Tensor | None) -> Tensor:
        """Compute the covariance of values, (n, s + 1), with each support molecule and itself.

        Args:
            molecules: Graphs or stored embeddings, n of them; None for the support set.

        Raises:
            InputError: If the head has none.
        """
        query = None if molecules is None else self.learner.encode(molecules, self.parameters)
        with self.learner.holding(self.parameters):
            return self.learner.matcher.covariance(self.support, self.labels, query)

    @property
    def noise(self) -> float:
        """The variance of the values' noise, in units of the covariance."""
        with self.learner.holding(self.parameters):
            return self.learner.matcher.head.noise

    def loss(self, query: LabelledSet) -> Tensor:
        """Compute the outer loss: mean cross-entropy (or half mean square) over the query set."""
        return self.learner.losses(self.score(query.molecules), query.labels).mean()

    def save(self, file: str | Path) -> None:
        """Write what adaptation found, the adapted parameters and the support set's vectors.

        The learner itself is not in the file, which is small where only a head adapts.
        """
        save_tensors(Path(file), {**self.tensors(), _VERSION: torch.tensor(VERSION)})

    def tensors(self) -> dict[str, Tensor]:
        """Name what `save` writes, and a digest of the learner."""
        tensors = {f"parameters.{name}": value for name, value in self.parameters.items()}
        learner = digest_tensors(self.learner.state_dict())
        return {**tensors, "support": self.support, "labels": self.labels, _OF: learner}

    @staticmethod
    def load(file: str | Path, learner: Learner) -> Adapted:
        """Read what `save` wrote.

        Args:
            file: Its file.
            learner: The learner that had been adapted, with the same weights.

        Raises:
            InputError: If the file cannot be read, or comes from another learner or a later
                molmeta.
        """
        tensors = load_tensors(Path(file))
        version = int(tensors.pop(_VERSION, torch.tensor(1)))
        if version != VERSION:
            raise InputError.of(
                f"adapted learner {file}",
                got=f"a file of version {version}",
                expected=f"version {VERSION} or none",
                fix="Install the molmeta that wrote it, or adapt again.",
            )
        return Adapted.of_tensors(tensors, learner, str(file))

    @staticmethod
    def of_tensors(tensors: Mapping[str, Tensor], learner: Learner, source: str) -> Adapted:
        """Make of `tensors` what they were taken from.

        Args:
            tensors: As `Adapted.tensors` gives them; others are passed over.
            learner: As of `load`.
            source: Where they come from, for messages.

        Raises:
            InputError: If they come from another learner, or not all of them are there.
        """
        own = digest_tensors(learner.state_dict())
        if not torch.equal(tensors.get(_OF, torch.empty(0, dtype=own.dtype)), own):
            raise InputError.of(
                f"adapted learner {source}",
                got="a file that was not saved from this learner",
                expected="one adapted from a learner with the same weights",
                fix="Load the model that it was adapted from, or adapt again.",
            )
        if not {"support", "labels"} <= set(tensors):
            raise InputError.of(
                f"adapted learner {source}", got="no support set", expected="its vectors and labels"
            )
        device = learner.device
        # A copy is aligned in memory, as computed tensors are: the same bits come out.
        tensors = {name: value.to(device, copy=True) for name, value in tensors.items()}
        return Adapted(
            learner, under("parameters.", tensors), tensors["support"], tensors["labels"]
        )
