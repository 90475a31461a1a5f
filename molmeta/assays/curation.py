"""Curation: which measurements count, as a mask with reasons; nothing is removed.

Each measurement is kept, merged into another of the same molecule, or dropped.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

KEPT, MERGED, DROPPED = "kept", "merged", "dropped"
NO_LABEL = "no label"


@dataclass(frozen=True, slots=True)
class Limits:
    """The smallest assay worth keeping, counted in kept molecules.

    >>> from molmeta.assays import drug_mechanisms, featurize_files
    >>> drug_mechanisms("valid").to_csv("drugs.csv", index=False)
    >>> store = featurize_files(["drugs.csv"], None, limits=Limits(min_molecules=48))
    >>> int((store.assays["n_kept"] > 0).sum()), len(store)
    (1, 5)

    Attributes:
        min_molecules: In all.
        min_per_class: Active, and inactive.
    """

    min_molecules: int = 0
    min_per_class: int = 0


def curate(table: pd.DataFrame, limits: Limits | None = None) -> pd.DataFrame:
    """Keep one labelled measurement a molecule and assay.

    Of repeats the majority's label wins, and of those the measurement nearest to their median
    value stands for them (the first of equals): always a real one. Repeats without a majority
    are all dropped.

    Args:
        table: n measurements: `assay` (0 where none), `identity`, `label`, `value`, `row`, and
            `reason`, why it cannot be used at all, "" where it can.
        limits: Of the assays' size.

    Returns:
        Shape (n, 2): `action` (kept, merged, dropped) and `reason`, "" where kept.
    """
    reason = table["reason"].astype(object)
    reason = reason.mask((reason == "") & (table["assay"] == 0), "no assay")
    reason = reason.mask((reason == "") & table["label"].isna(), NO_LABEL)
    result = pd.DataFrame({"action": DROPPED, "reason": reason}, index=table.index)
    usable = table[reason == ""]
    result.loc[usable.index, "action"] = KEPT
    repeated = usable[usable.duplicated(["assay", "identity"], keep=False)]
    if len(repeated):
        result.loc[repeated.index, ["action", "reason"]] = _choose(repeated)
    return _apply_limits(table, result, limits or Limits())


def _choose(repeated: pd.DataFrame) -> pd.DataFrame:
    """Choose action and reason for measurements of which each has a repeat."""
    molecule = repeated.groupby(["assay", "identity"]).ngroup()
    share = repeated["label"].groupby(molecule).transform("mean")
    tied, winning = share == 0.5, repeated["label"] == (share > 0.5)
    value = repeated["value"].where(winning & ~tied)
    distance = (value - value.groupby(molecule).transform("median")).abs()
    order = pd.DataFrame({"loses": ~winning, "distance": distance, "at": np.arange(len(value))})
    first = order.sort_values(["loses", "distance", "at"]).groupby(molecule).head(1).index
    kept = pd.Series(repeated.index.isin(first), index=repeated.index) & ~tied
    row = repeated["row"].where(kept).groupby(molecule).transform("max")
    text = "same molecule as row " + row.fillna(-1).astype(np.int64).astype(str)
    text = text.mask(~winning, text + ", outvoted").mask(
        tied, "contradicting labels for one molecule"
    )
    action = pd.Series(MERGED, index=repeated.index).mask(tied, DROPPED).mask(kept, KEPT)
    return pd.DataFrame({"action": action, "reason": text.mask(kept, "")})


def _apply_limits(table: pd.DataFrame, result: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Drop what remains of assays that are too small or one-sided."""
    kept = table[result["action"] == KEPT]
    by_assay = kept["label"].groupby(kept["assay"])
    n, n_active = by_assay.transform("size"), by_assay.transform("sum")
    n_minor = np.minimum(n_active, n - n_active)
    small, one_sided = n < limits.min_molecules, n_minor < limits.min_per_class
    text = pd.Series("", index=kept.index)
    text = text.mask(one_sided, f"assay with fewer than {limits.min_per_class} of a class")
    text = text.mask(small, f"assay with fewer than {limits.min_molecules} molecules")
    gone = text[text != ""]
    result.loc[gone.index, "action"] = DROPPED
    result.loc[gone.index, "reason"] = gone
    return result
