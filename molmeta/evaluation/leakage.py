"""What a model saw in training, held against the assays that it is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from molmeta.assays.held_out import contents_of
from molmeta.assays.store import AssayStore
from molmeta.chem.standardize import STANDARD, Standardizer
from molmeta.runs.model import load_config
from molmeta.training.start import Seen


@dataclass(frozen=True)
class Training:
    """The training assays of a model.

    Attributes:
        assays: Their ids.
        molecules: Identities of all their molecules, sorted, shape (n,); the numbers are the
            same in every store.
        contents: Hashes of their molecules and labels, as far as they were recorded.
        standardize: The form of these molecules.
    """

    assays: frozenset[str]
    molecules: NDArray[np.int64]
    standardize: Standardizer | None = STANDARD
    contents: frozenset[str] = frozenset()

    @classmethod
    def of_store(cls, store: AssayStore) -> Training:
        """The training record of something trained on every assay of `store`."""
        return cls._of(Seen.of_store(store), store.standardize)

    @classmethod
    def of_run(cls, run: Path) -> Training:
        """Read what a run folder says of its training assays.

        Raises:
            InputError: If it says nothing, so that leakage cannot be ruled out.
        """
        seen = Seen.of_run(run)
        form = Standardizer.from_spec(load_config(run).get("standardize"))
        return cls._of(seen, form)

    @classmethod
    def _of(cls, seen: Seen, form: Standardizer | None) -> Training:
        contents = frozenset(filter(None, seen.assays.values()))
        return cls(frozenset(seen.assays), seen.molecules, form, contents)


def overlap(training: Training, store: AssayStore) -> list[tuple[str, bool, bool, float]]:
    """How much of each test assay was seen in training.

    Returns:
        An assay's id; whether that is a training assay's id; whether a training assay has just its
        molecules and labels, whatever its id; and the fraction of its molecules, support set and
        queries together, that occur in training.
    """
    contents = contents_of(store)
    rows = []
    for number, assay_id in enumerate(store.assay_ids):
        molecules = store.assay(number).molecules
        identities = np.unique(store.identities[molecules[molecules >= 0]])
        n_seen = int(np.isin(identities, training.molecules).sum())
        same = contents.get(assay_id) in training.contents
        share = n_seen / max(1, len(identities))
        rows.append((assay_id, assay_id in training.assays, same, share))
    return rows
