"""Curation: which measurements count, as a mask with reasons; nothing is removed.

Each measurement is kept, merged into an earlier one of the same molecule, or dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KEPT, MERGED, DROPPED = "kept", "merged", "dropped"


@dataclass(frozen=True)
class Curated:
    """What becomes of each of n measurements.

    Attributes:
        actions: kept, merged or dropped, shape (n,).
        reasons: Why, "" where kept, shape (n,).
    """

    actions: NDArray[np.object_]
    reasons: NDArray[np.object_]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """The mask, shape (n,)."""
        return np.asarray(self.actions == KEPT)


def curate(
    assays: NDArray[np.int64],
    identities: NDArray[np.int64],
    labels: NDArray[np.float32],
    rows: NDArray[np.int64],
    rejections: Sequence[str] | NDArray[np.object_],
) -> Curated:
    """Keep one labelled row a molecule and assay.

    Args:
        assays: The assay's number, 0 where it has none, shape (n,).
        identities: The molecule's identity, any value where rejected, shape (n,).
        labels: 1, 0 or NaN, shape (n,).
        rows: Row numbers in the source, for the reasons, shape (n,).
        rejections: Why a row cannot be used at all, "" where it can, shape (n,).
    """
    n = len(assays)
    reasons = np.asarray(rejections, dtype=object).copy()
    actions = np.full(n, DROPPED, dtype=object)
    reasons[(reasons == "") & (assays == 0)] = "no assay"
    reasons[(reasons == "") & np.isnan(labels)] = "no label"
    usable = np.flatnonzero(reasons == "")
    frame = pd.DataFrame(
        {"assay": assays[usable], "molecule": identities[usable], "label": labels[usable]}
    )
    frame["row"] = rows[usable]
    repeats = frame.groupby(["assay", "molecule"], sort=False)
    conflict = (repeats["label"].transform("min") != repeats["label"].transform("max")).to_numpy()
    first_row = repeats["row"].transform("first").to_numpy()
    repeated = frame.duplicated(["assay", "molecule"]).to_numpy()
    merged = repeated & ~conflict
    actions[usable[~repeated & ~conflict]] = KEPT
    actions[usable[merged]] = MERGED
    reasons[usable[merged]] = [f"same molecule as row {row}" for row in first_row[merged]]
    reasons[usable[conflict]] = "contradicting labels for one molecule"
    return Curated(actions, reasons)
