"""Scoring molecules of a store with a learner, each of them embedded at most once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molmeta.chem.graph import Graphs
from molmeta.episodes.batch import collate
from molmeta.episodes.episode import LabelledSet
from molmeta.meta.embedding import CHUNK, embed
from molmeta.meta.learner import Adapted, Learner


class Scorer:
    """A learner in use on one set of molecules.

    Args:
        learner: In evaluation mode.
        graphs: The molecules; where the learner embeds once, their vectors are kept.
    """

    def __init__(self, learner: Learner, graphs: Graphs) -> None:
        self.learner = learner
        self.graphs = graphs
        self._device = next(learner.parameters()).device
        self._embedded = torch.empty(0)
        self._known = np.zeros(len(graphs), dtype=bool)

    def adapt(
        self, support: NDArray[np.int64], labels: NDArray[np.float32], *, steps: int | None = None
    ) -> Adapted:
        """Adapt to the molecules at `support`, shape (s,), with their labels, shape (s,)."""
        known = torch.from_numpy(labels.astype(np.float32)).to(self._device)
        return self.learner.adapt(
            LabelledSet(self._molecules(support)[0], known), steps=steps, differentiable=False
        )

    @torch.no_grad()
    def score(self, adapted: Adapted, query: NDArray[np.int64]) -> NDArray[np.float32]:
        """Log-odds of being active of the molecules at `query`, shape (q,)."""
        scores = [adapted.score(molecules) for molecules in self._molecules(query, CHUNK)]
        result: NDArray[np.float32] = torch.cat(scores).cpu().numpy()
        return result

    def vectors(self, indices: NDArray[np.int64]) -> Tensor:
        """What the encoder makes of the molecules at `indices` before any adaptation, on the CPU.

        Shape (n, dim).
        """
        self._embed(indices)
        return self._embedded[indices]

    def _molecules(self, indices: NDArray[np.int64], chunk: int | None = None) -> list[Tensor]:
        """What the learner reads: vectors where it embeds once, else graphs in chunks."""
        if self.learner.embeds_once:
            return [self.vectors(indices).to(self._device)]
        chunk = chunk or len(indices)
        return [
            collate(self.graphs, indices[start : start + chunk], self._device)
            for start in range(0, len(indices), chunk)
        ]

    def _embed(self, indices: NDArray[np.int64]) -> None:
        missing = np.unique(indices[~self._known[indices]])
        if not len(missing):
            return
        vectors = embed(self.learner.encoder, self.graphs, missing, device=self._device)
        if not len(self._embedded):
            self._embedded = vectors.new_full((len(self.graphs), vectors.shape[1]), torch.nan)
        self._embedded[missing] = vectors
        self._known[missing] = True
