"""The tables of an evaluation, from the records of its units."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from molmeta.assays.store import AssayStore
from molmeta.evaluation.episodes import Record
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.protocol import Method, Task
from molmeta.evaluation.results import Results
from molmeta.evaluation.statistics import clustered_mean, molecule_set_clusters

Place = tuple[str, str, int]
"""A method's name, an assay's id and a support size."""

_KEYS = ["assay_id", "method", "support_size"]
_DRAW = ["seed", "n_support", "n_query", "n_rejected", "positive_query", "positive_support", "draw"]
_SKIPPED = ["assay_id", "support_size", "seed", "reason"]
_LEAKAGE = ["method", "assay_id", "seen_assay", "same_content", "seen_molecules"]
_CALIBRATION = ["method", "support_size", "bin", "n", "probability", "active"]


def collect(
    records: Mapping[Place, Record],
    methods: Sequence[Method],
    store: AssayStore,
    info: dict[str, Any],
) -> Results:
    """Make the tables of an evaluation.

    Args:
        records: By place, in the order that the tables shall have.
        methods: Whose records they are.
        store: The test assays.
        info: See `Results.info`.
    """
    task: Task = info["task"]
    rows = [_at(place) | row for place, record in records.items() for row in record["rows"]]
    draws = pd.DataFrame(rows, columns=[*_KEYS, *_DRAW, *METRICS[task]])
    skipped = _skipped(records)
    clusters = molecule_set_clusters(store)
    classes = store.assays.get("target_class", pd.Series("", index=range(len(store))))
    assays = pd.DataFrame(
        {
            "assay_id": store.assay_ids,
            "cluster": [clusters[name] for name in store.assay_ids],
            "target_class": classes.replace("", None),
        }
    )
    leakage = _leakage(methods, store)
    summary = summarize(draws, skipped, assays, METRICS[task])
    by_class = summarize(draws, skipped, assays, METRICS[task], by_class=True)
    return Results(
        results=draws,
        summary=with_leakage(summary, leakage),
        classes=by_class,
        skipped=skipped,
        assays=assays,
        leakage=leakage,
        calibration=_calibration(records),
        info=info,
        examples=[
            _at(place) | record["example"] for place, record in records.items() if record["example"]
        ],
    )


def summarize(
    draws: pd.DataFrame,
    skipped: pd.DataFrame,
    assays: pd.DataFrame,
    metrics: Sequence[str],
    *,
    by_class: bool = False,
) -> pd.DataFrame:
    """Average over draws within an assay, then over assays.

    Args:
        draws: See `Results.results`.
        skipped: See `Results.skipped`.
        assays: See `Results.assays`.
        metrics: Columns of `draws`; the first one gets an interval.
        by_class: One row also a target class.
    """
    by = ["method", "support_size"] + ["target_class"] * by_class
    draws, skipped = (table.merge(assays, on="assay_id") for table in (draws, skipped))
    lead, *others = metrics
    rows = []
    for key, part in draws.groupby(by, sort=False):
        group = dict(zip(by, key, strict=True))
        means = part.groupby(["assay_id", "cluster"], sort=False)[list(metrics)].mean()
        clusters = means.index.get_level_values("cluster").to_numpy(str)
        mean = clustered_mean(means[lead].to_numpy(), clusters)
        missed = [skipped[name] == group[name] for name in by[1:]]
        rows.append(
            {
                **group,
                "n_assays": len(means),
                "n_clusters": mean.n_clusters,
                "n_draws": len(part),
                "n_skipped": int(np.logical_and.reduce(missed).sum()),
                lead: mean.mean,
                f"{lead}_low": mean.low,
                f"{lead}_high": mean.high,
                **means[others].mean(),
            }
        )
    counts = ["n_assays", "n_clusters", "n_draws", "n_skipped"]
    return pd.DataFrame(rows, columns=[*by, *counts, lead, f"{lead}_low", f"{lead}_high", *others])


def with_leakage(summary: pd.DataFrame, leakage: pd.DataFrame) -> pd.DataFrame:
    """Add to every mean how many of its assays, and what part of their molecules, were seen.

    An assay counts as seen under its own id, and under another with its molecules and labels.
    """
    either = leakage.assign(seen_assay=leakage["seen_assay"] | leakage["same_content"])
    seen = either.groupby("method").agg({"seen_assay": "sum", "seen_molecules": "mean"})
    return summary.assign(
        n_seen_assays=summary["method"].map(seen["seen_assay"]).fillna(0).astype(int),
        seen_molecules=summary["method"].map(seen["seen_molecules"]).fillna(0.0).astype(float),
    )


def _at(place: Place) -> Record:
    method, assay_id, size = place
    return {"assay_id": assay_id, "method": method, "support_size": size}


def _skipped(records: Mapping[Place, Record]) -> pd.DataFrame:
    """List the draws that failed, each once: they fail before any method sees them."""
    reasons = {
        (assay_id, size, miss["seed"]): miss["reason"]
        for (_, assay_id, size), record in records.items()
        for miss in record["skipped"]
    }
    return pd.DataFrame([(*key, reason) for key, reason in reasons.items()], columns=_SKIPPED)


def _calibration(records: Mapping[Place, Record]) -> pd.DataFrame:
    sums: dict[tuple[str, int], Any] = {}
    for (method, _, size), record in records.items():
        if record["calibration"]:
            bins = np.asarray(record["calibration"])
            sums[method, size] = sums.get((method, size), 0.0) + bins
    rows = [
        (*key, number, *column)
        for key, bins in sums.items()
        for number, column in enumerate(bins.T)
    ]
    return pd.DataFrame(rows, columns=_CALIBRATION)


def _leakage(methods: Sequence[Method], store: AssayStore) -> pd.DataFrame:
    rows = [
        (method.name, *row)
        for method in methods
        if method.training is not None
        for row in method.training.overlap(store)
    ]
    return pd.DataFrame(rows, columns=_LEAKAGE)
