"""Scoring molecules of a store with a learner, each of them embedded at most once."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch

from molmeta.episodes.batch import Molecules, make_batch
from molmeta.episodes.episode import LabelledSet
from molmeta.learning.adapted import Adapted
from molmeta.learning.embed import batches, embed
from molmeta.learning.learner import Learner


class Scorer:
    """A learner in use on one set of molecules.

    >>> from molmeta import load_model
    >>> model = load_model("graph")
    >>> molecules = model.featurize(["CCO", "CCN", "CCCO", "CCCN", "CCCCO"])
    >>> scorer = Scorer(model.learner, molecules)
    >>> adapted = scorer.adapt(np.arange(4), np.array([1, 0, 1, 0], np.float32))
    >>> bool(scorer.score(adapted, np.array([4]))[0] > 0)
    True

    Args:
        learner: In evaluation mode.
        molecules: A store or `Featurized`; where the learner embeds once, the vectors are kept.
    """

    def __init__(self, learner: Learner, molecules: Molecules) -> None:
        self.learner = learner
        self.molecules = molecules
        self._device = learner.device
        self._embedded = torch.empty(0)
        self._known = np.zeros(len(molecules.graphs), dtype=bool)

    def adapt(
        self, support: NDArray[np.int64], labels: NDArray[np.float32], *, steps: int | None = None
    ) -> Adapted:
        """Adapt to the molecules at `support`, shape (s,), with their labels, shape (s,)."""
        known = torch.from_numpy(labels.astype(np.float32)).to(self._device)
        return self.learner.adapt(
            LabelledSet(self._read(support), known), steps=steps, differentiable=False
        )

    def score(self, adapted: Adapted, query: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-odds of being active of the molecules at `query`, shape (q,)."""
        return self.apply(adapted.score, query)

    @torch.no_grad()
    def apply(
        self, function: Callable[[Batch | Tensor], Tensor], query: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Apply a function to the molecules at `query`, part by part where they are graphs."""
        encoder = self.learner.encoder
        parts = (
            [self._read(query)]
            if self.learner.embeds_once
            else batches(encoder, self.molecules, query, self._device)
        )
        result: NDArray[np.float32] = torch.cat([function(part) for part in parts]).cpu().numpy()
        return result

    def vectors(self, indices: NDArray[np.int64]) -> Tensor:
        """Embed the molecules at `indices` before any adaptation, on the CPU.

        Shape (n, dim).
        """
        self._embed(indices)
        return self._embedded[indices]

    def _read(self, indices: NDArray[np.int64]) -> Batch | Tensor:
        """Read of these molecules what the learner needs: their vectors where it embeds once."""
        if self.learner.embeds_once:
            return self.vectors(indices).to(self._device)
        return make_batch(self.molecules, indices, self.learner.encoder.reads, self._device)

    def _embed(self, indices: NDArray[np.int64]) -> None:
        missing = np.unique(indices[~self._known[indices]])
        if not len(missing):
            return
        vectors = embed(self.learner.encoder, self.molecules, missing, device=self._device)
        if not len(self._embedded):
            self._embedded = vectors.new_full((len(self._known), vectors.shape[1]), torch.nan)
        self._embedded[missing] = vectors
        self._known[missing] = True
