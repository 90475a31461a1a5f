"""The stream of training episodes, a function of the seed alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from molmeta.assays.store import Assay, AssayStore
from molmeta.episodes.draw import Draw, random_episode
from molmeta.errors import InputError

# A query smaller than this says too little for an outer loss.
MIN_QUERY = 8


class EpisodeSampler:
    """Draws training episodes: a support size, an assay large enough for it, then the molecules.

    Sizes come first, so that each is trained alike: most public assays are small (of FS-Mol's more
    than half have fewer than 48 rows), while those that few-shot models are tested on are not.
    Episode (step, slot) depends on the seed and these two numbers alone, so that a resumed run
    and several processes see the same stream. Only curated rows are drawn.

    >>> from molmeta.assays import drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("train"))
    >>> sampler = EpisodeSampler(store, support_sizes=[8, 16], query_size=8, seed=0)
    >>> assay, draw = sampler.draw(step=0, slot=0)
    >>> assay.id, len(draw.support), len(draw.query)
    ('purine_pyrimidine_antimetabolite', 16, 8)

    Args:
        store: Training assays.
        support_sizes: Each episode takes one of these; one that no assay is large enough for is
            left out.
        query_size: Molecules of the query set, or all others of the assay if they are fewer.
        seed: Of the stream.
        assay_weight: An assay is drawn with a probability that grows with this power of its number
            of usable molecules; 0 draws all alike, 1 every measurement.

    Raises:
        InputError: If no assay is large enough for the smallest support set.
    """

    def __init__(
        self,
        store: AssayStore,
        support_sizes: Sequence[int],
        query_size: int,
        seed: int,
        assay_weight: float = 0.0,
    ) -> None:
        self.store = store
        self.query_size = query_size
        self.seed = seed
        usable = np.array([_n_usable(assay) for assay in store])
        fitting = {size: np.flatnonzero(usable >= size + MIN_QUERY) for size in support_sizes}
        self._assays = {size: numbers for size, numbers in fitting.items() if len(numbers)}
        smallest = min(support_sizes)
        self.assays = fitting[smallest]
        if not len(self.assays):
            raise InputError.of(
                "training assays",
                got=f"{len(store)} assays, at most {max(usable, default=0)} usable molecules each",
                expected=f"at least one with {smallest + MIN_QUERY} molecules, two of each class "
                f"(support {smallest} + query {MIN_QUERY})",
                fix="Use smaller support sizes or more data.",
            )
        # None: the stream of uniform draws.
        self._chances = {
            size: _proportional(usable[numbers], assay_weight) if assay_weight else None
            for size, numbers in self._assays.items()
        }

    def draw(self, step: int, slot: int) -> tuple[Assay, Draw]:
        """Draw the episode `slot` of training step `step`: its assay and rows of it."""
        rng = np.random.default_rng([self.seed, step, slot])
        size = int(rng.choice(list(self._assays)))
        assay = self.store.assay(int(rng.choice(self._assays[size], p=self._chances[size])))
        rows = np.flatnonzero(assay.kept)
        draw = random_episode(
            assay.labels[rows],
            self.store.identities[assay.molecules[rows]],
            rng,
            size,
            self.query_size,
        )
        return assay, Draw(rows[draw.support], rows[draw.query])


def _proportional(sizes: NDArray[np.int64], power: float) -> NDArray[np.float64]:
    """Compute probabilities proportional to a power of the sizes."""
    weights = (sizes / sizes.max()) ** power
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


def _n_usable(assay: Assay) -> int:
    """Count the curated rows of an assay; 0 if one class has fewer than two."""
    labels = assay.labels[assay.kept]
    n_active = int(labels.sum())
    return len(labels) if min(n_active, len(labels) - n_active) >= 2 else 0
