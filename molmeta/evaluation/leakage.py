"""What a model saw in training, held against the assays that it is tested on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.store import AssayStore
from molmeta.errors import InputError

COLUMNS = ("method", "assay_id", "seen_assay", "seen_molecules")


@dataclass(frozen=True)
class Training:
    """The training assays of a model.

    Attributes:
        assays: Their ids.
        molecules: Identities of all their molecules, sorted, shape (n,); the numbers are the
            same in every store.
    """

    assays: frozenset[str]
    molecules: NDArray[np.int64]

    @classmethod
    def of_store(cls, store: AssayStore) -> Training:
        """The training record of something trained on every assay of `store`."""
        return cls(frozenset(store.assay_ids), np.unique(store.identities))

    @classmethod
    def of_run(cls, run: Path) -> Training:
        """Read what a run folder says of its training assays.

        Raises:
            InputError: If it says nothing, so that leakage cannot be ruled out.
        """
        try:
            assays = json.loads((run / "assays.json").read_text(encoding="utf-8"))
            molecules = np.load(run / "molecules.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError.of(
                f"model {run}",
                got=f"no readable assays.json and molecules.npy ({error})",
                expected="both, which `molmeta train` writes, to check for leakage",
            ) from None
        return cls(frozenset(assays), molecules)


def overlap(training: Training, store: AssayStore) -> pd.DataFrame:
    """How much of each test assay was seen in training.

    Returns:
        One row an assay: `assay_id`, `seen_assay` (its id is a training assay's) and
        `seen_molecules` (fraction of its molecules that occur in training).
    """
    rows = []
    for number, assay_id in enumerate(store.assay_ids):
        molecules = store.assay(number).molecules
        identities = np.unique(store.identities[molecules[molecules >= 0]])
        seen = np.isin(identities, training.molecules).mean() if len(identities) else 0.0
        rows.append((assay_id, assay_id in training.assays, float(seen)))
    return pd.DataFrame(rows, columns=list(COLUMNS[1:]))
