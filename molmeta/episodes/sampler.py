"""Which assay an episode comes from: the stream of training episodes, a function of the seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molmeta.assays.store import Assay, AssayStore
from molmeta.episodes.draw import Draw, random_episode
from molmeta.errors import InputError

# A query smaller than this says too little for an outer loss.
MIN_QUERY = 8


class EpisodeSampler:
    """Draws training episodes: an assay uniformly, a support size, then the molecules.

    Episode (step, slot) depends on the seed and these two numbers alone, so that a resumed run
    and several processes see the same stream. Only curated rows are drawn.

    Args:
        store: Training assays.
        support_sizes: Each episode takes one of these, as far as its assay is large enough.
        query_size: Molecules of the query set, or the rest of the assay if that is fewer.
        seed: Of the whole stream.

    Raises:
        InputError: If no assay is large enough for the smallest support set.
    """

    def __init__(
        self, store: AssayStore, support_sizes: Sequence[int], query_size: int, seed: int
    ) -> None:
        self.store = store
        self.query_size = query_size
        self.seed = seed
        self._sizes = np.asarray(support_sizes)
        usable = [_n_usable(store.assay(number)) for number in range(len(store))]
        self._n_usable = np.asarray(usable)
        smallest = int(self._sizes.min()) + MIN_QUERY
        self.assays = np.flatnonzero(self._n_usable >= smallest)
        if not len(self.assays):
            raise InputError.of(
                "training assays",
                got=f"{len(store)} assays, at most {max(usable, default=0)} usable molecules each",
                expected=f"at least one with {smallest} molecules, two of each class "
                f"(support {self._sizes.min()} + query {MIN_QUERY})",
                fix="Use smaller support sizes or more data.",
            )

    def draw(self, step: int, slot: int) -> tuple[Assay, Draw]:
        """The episode `slot` of training step `step`: its assay and rows of it."""
        rng = np.random.default_rng([self.seed, step, slot])
        number = int(rng.choice(self.assays))
        assay = self.store.assay(number)
        fitting = self._sizes[self._sizes + MIN_QUERY <= self._n_usable[number]]
        rows = np.flatnonzero(assay.kept)
        draw = random_episode(
            assay.labels[rows],
            self.store.identities[assay.molecules[rows]],
            rng,
            int(rng.choice(fitting)),
            self.query_size,
        )
        return assay, Draw(rows[draw.support], rows[draw.query])


def _n_usable(assay: Assay) -> int:
    """The curated rows of an assay; 0 if one class has fewer than two."""
    labels = assay.labels[assay.kept]
    n_active = int(labels.sum())
    return len(labels) if min(n_active, len(labels) - n_active) >= 2 else 0
