"""Every label of some assays, by molecule: the targets of pre-training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from molmeta.assays.store import AssayStore

_FEWEST_VALUES = 8


@dataclass(frozen=True)
class LabelsByMolecule:
    """Every curated label of some assays, by molecule.

    Attributes:
        molecules: The distinct molecules, (m,).
        offsets: The first label of each molecule, and n, (m + 1,).
        assays: The assay of each label, (n,).
        labels: 1 active, 0 inactive, (n,).
        values: In standard deviations from the assay's mean, NaN where there is none, (n,).
    """

    molecules: NDArray[np.int64]
    offsets: NDArray[np.int64]
    assays: NDArray[np.int64]
    labels: NDArray[np.float32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, store: AssayStore) -> LabelsByMolecule:
        """Collect those of a store that curation kept."""
        assays = list(store)
        molecules = np.concatenate([a.molecules[a.kept] for a in assays])
        order = np.argsort(molecules, kind="stable")
        distinct, first = np.unique(molecules[order], return_index=True)
        numbers = np.repeat(np.arange(len(assays)), [int(a.kept.sum()) for a in assays])
        return cls(
            distinct,
            np.append(first, len(molecules)),
            numbers[order],
            np.concatenate([a.labels[a.kept] for a in assays])[order],
            np.concatenate([_standardized(a.values[a.kept]) for a in assays])[order],
        )

    def at(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the labels of the molecules at positions `chosen`: which of these, which label."""
        starts, counts = self.offsets[chosen], np.diff(self.offsets)[chosen]
        which = np.repeat(np.arange(len(chosen)), counts)
        first = np.repeat(starts - np.cumsum(counts) + counts, counts)
        return which, first + np.arange(len(which))


def _standardized(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale values around their mean; NaN throughout where they are few or all alike."""
    known = values[np.isfinite(values)]
    spread = float(known.std()) if len(known) >= _FEWEST_VALUES else 0.0
    if spread < 0.05:
        return np.full_like(values, np.nan)
    scaled: NDArray[np.float32] = np.clip((values - known.mean()) / spread, -3, 3)
    return scaled.astype(np.float32)
