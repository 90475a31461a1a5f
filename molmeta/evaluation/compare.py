"""Comparison of methods on the same draws, from one evaluation or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from molmeta.errors import InputError
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.protocol import Task
from molmeta.evaluation.results import Results, read_results
from molmeta.evaluation.statistics import paired
from molmeta.evaluation.tables import summarize, with_leakage
from molmeta.evaluation.texts import LABELS, Row, records

LOWER_IS_BETTER = frozenset({"brier", "calibration_error", "rmse"})

_PAIRED = [
    *("first", "second", "support_size", "n_assays", "difference", "low", "high"),
    *("wins", "losses", "p_value"),
]
_DRAW = ["assay_id", "support_size", "seed"]


@dataclass(frozen=True)
class Comparison:
    """Methods side by side.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.evaluation import evaluate, make_baselines
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> compare({"first": evaluate(make_baselines(["constant"]), store, draws=1)}).metric
    'delta_auprc'

    Attributes:
        results: All evaluations in one, methods under distinct names.
        infos: Each evaluation's `Results.info`, by its name.
        metric: The column by which methods are compared.
        paired: One row a pair of methods and support size, over the draws that both have:
            `first, second, support_size, n_assays`; the mean `difference` of first minus second
            with its 95 % interval, `low` and `high`; `wins` and `losses`, the assays where the
            first is better and worse; `p_value`, see `statistics.Paired`.
        ranks: One row a method and support size: `method, support_size, n_assays, rank`, the mean
            rank over the assays that every method has at that size, 1 is best.
        published: Peers' figures for the same protocol, assays and sizes; else empty.
    """

    results: Results
    infos: dict[str, dict[str, Any]]
    metric: str
    paired: pd.DataFrame
    ranks: pd.DataFrame
    published: pd.DataFrame

    @property
    def label(self) -> str:
        """The metric's name in print."""
        return LABELS[self.metric]

    @property
    def lower_is_better(self) -> bool:
        """Tell whether the metric is an error."""
        return self.metric in LOWER_IS_BETTER

    @cached_property
    def sizes(self) -> list[int]:
        """Support sizes, ascending."""
        sizes: list[int] = sorted(self.results.summary["support_size"].unique().tolist())
        return sizes

    @cached_property
    def methods(self) -> list[str]:
        """Names of methods, as they were given."""
        names: list[str] = self.results.summary["method"].unique().tolist()
        return names

    def style(self, method: str) -> int:
        """Number the look of a method's marks, the same in every plot."""
        return self.methods.index(method)

    @cached_property
    def summary(self) -> dict[tuple[str, int], Row]:
        """Rows of the summary by method and support size; the interval is `low` and `high`."""
        lead = self.results.metric
        table = self.results.summary.rename(columns={f"{lead}_low": "low", f"{lead}_high": "high"})
        return {(row["method"], row["support_size"]): row for row in records(table)}

    @cached_property
    def best(self) -> str:
        """The method with the best mean at the smallest support size."""
        means = {
            name: self.summary[name, self.sizes[0]][self.metric]
            for name in self.methods
            if (name, self.sizes[0]) in self.summary
        }
        choose = min if self.lower_is_better else max
        return choose(means, key=means.__getitem__)

    def largest(self, column: str) -> list[str]:
        """The largest count of a summary's column at each support size, as text."""
        return [
            str(max(row[column] for (_, at), row in self.summary.items() if at == size))
            for size in self.sizes
        ]


def compare_folders(folders: Sequence[Path], metric: str | None = None) -> Comparison:
    """Compare the evaluations in these folders; see `compare`.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.evaluation import evaluate, make_baselines
    >>> store, folder = AssayStore.from_frame(drug_mechanisms("valid")), Path("first")
    >>> _ = evaluate(make_baselines(["constant"]), store, draws=1, out=folder)
    >>> compare_folders([folder]).ranks["rank"].tolist()
    [1.0]

    Raises:
        InputError: If a folder holds no finished evaluation, or they cannot be compared.
    """
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    return compare(dict(zip(names, map(read_results, folders), strict=True)), metric)


def compare(evaluations: Mapping[str, Results], metric: str | None = None) -> Comparison:
    """Compare the methods of one or more evaluations.

    A method of the same name and settings in two evaluations is taken once; one of the same name
    and other settings is called `evaluation/method`.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.evaluation import evaluate, make_baselines
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> results = evaluate(make_baselines(["simsearch", "knn"]), store, draws=2)
    >>> compare({"first": results}).paired[["first", "second", "support_size"]].values.tolist()
    [['simsearch', 'knn', 16]]

    Args:
        evaluations: By name.
        metric: A column of `results.csv`; ΔAUPRC by default, R² in regression.

    Raises:
        InputError: If protocol or task differ, or the same seed drew different molecules.
    """
    metric = metric or next(iter(evaluations.values())).metric
    _check(list(evaluations.values()), metric)
    results = _merge(evaluations)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    return Comparison(
        results=results,
        infos={name: one.info for name, one in evaluations.items()},
        metric=metric,
        paired=_paired_table(results, metric, sign),
        ranks=_ranks(results.results, metric, sign),
        published=published_beside(results),
    )


def published(task: Task) -> pd.DataFrame:
    """Read peers' published means on FS-Mol's test assays, ΔAUPRC or out-of-sample R².

    Returns:
        `method, support_size, n_assays, mean, source`; the source is `result files` where the
        figure was computed again from the peers' own results, `claim` where it is only printed.
    """
    table = pd.read_csv(Path(__file__).with_name("published.csv"))
    return table[table["task"] == task].drop(columns="task").reset_index(drop=True)


def published_beside(results: Results) -> pd.DataFrame:
    """Select the published figures for as many assays as `results` has at a support size."""
    table = published(results.task)
    ours = results.summary.groupby("support_size")["n_assays"].max()
    same = table["support_size"].map(ours) == table["n_assays"]
    beside: pd.DataFrame = table[same & (results.info["protocol"] == "fsmol")]
    return beside.reset_index(drop=True)


def _check(evaluations: Sequence[Results], metric: str) -> None:
    for fact in ("protocol", "task"):
        values = {results.info[fact] for results in evaluations}
        if len(values) > 1:
            raise InputError.of(
                f"evaluations to compare: {fact}",
                got=", ".join(sorted(values)),
                expected="one and the same",
            )
    known = METRICS[evaluations[0].task]
    if metric not in known:
        raise InputError.of("metric", got=metric, expected=f"one of {', '.join(known)}")
    draws = pd.concat(results.results[[*_DRAW, "draw"]] for results in evaluations)
    differing = draws.groupby(_DRAW)["draw"].nunique() > 1
    if differing.any():
        assay_id, size, seed = differing.index[differing][0]
        raise InputError.of(
            "evaluations to compare",
            got=f"different molecules for assay {assay_id}, support size {size}, seed {seed}",
            expected="the same data, whose draws are the same",
        )


def _merge(evaluations: Mapping[str, Results]) -> Results:
    """Join all evaluations in one, with methods under distinct names."""
    first = next(iter(evaluations.values()))
    settings: dict[str, str] = {}
    renamed = []
    for name, results in evaluations.items():
        names = {
            method: method if settings.get(method, made) == made else f"{name}/{method}"
            for method, made in results.info["methods"].items()
        }
        settings |= {names[method]: made for method, made in results.info["methods"].items()}
        renamed.append(_rename(results, names))

    def joined(table: str, key: Sequence[str]) -> pd.DataFrame:
        parts: list[pd.DataFrame] = [getattr(results, table) for results in renamed]
        filled = [part for part in parts if len(part)] or parts[:1]
        return pd.concat(filled, ignore_index=True).drop_duplicates(key)

    draws, skipped, assays, leakage = (
        joined(table, key)
        for table, key in {
            "results": [*_DRAW, "method"],
            "skipped": _DRAW,
            "assays": ["assay_id"],
            "leakage": ["method", "assay_id"],
        }.items()
    )
    metrics = METRICS[first.task]
    order = {method: number for number, method in enumerate(settings)}
    draws = draws.sort_values(
        ["method", "support_size"],
        key=lambda column: column.map(order) if column.name == "method" else column,
        kind="stable",
    )
    return Results(
        results=draws,
        summary=with_leakage(summarize(draws, skipped, assays, metrics), leakage),
        classes=summarize(draws, skipped, assays, metrics, by_class=True),
        skipped=skipped,
        assays=assays,
        leakage=leakage,
        calibration=joined("calibration", ["method", "support_size", "bin"]),
        info=first.info | {"methods": settings},
        examples=[example for results in renamed for example in results.examples],
    )


def _rename(results: Results, names: Mapping[str, str]) -> Results:
    tables = {
        table: getattr(results, table).replace({"method": dict(names)})
        for table in ("results", "leakage", "calibration")
    }
    examples = [example | {"method": names[example["method"]]} for example in results.examples]
    return replace(results, examples=examples, **tables)


def _paired_table(results: Results, metric: str, sign: float) -> pd.DataFrame:
    clusters = results.assays.set_index("assay_id")["cluster"]
    rows = []
    for size, part in results.results.groupby("support_size", sort=True):
        by_draw = part.pivot(index=["assay_id", "seed"], columns="method", values=metric)
        for first, second in combinations(part["method"].unique(), 2):
            both = by_draw[[first, second]].dropna().groupby("assay_id").mean() * sign
            found = paired(
                both[first].to_numpy(), both[second].to_numpy(), clusters[both.index].to_numpy(str)
            )
            gap = found.difference
            interval = (gap.mean * sign, *sorted((gap.low * sign, gap.high * sign)))
            rows.append(
                (first, second, size, gap.n, *interval, found.wins, found.losses, found.p_value)
            )
    return pd.DataFrame(rows, columns=_PAIRED)


def _ranks(draws: pd.DataFrame, metric: str, sign: float) -> pd.DataFrame:
    means = draws.groupby(["support_size", "assay_id", "method"], sort=False)[metric].mean()
    ranks = (means * sign).unstack("method").dropna().rank(axis=1, ascending=False)
    rows = [
        (method, size, len(part), float(part[method].mean()))
        for size, part in ranks.groupby("support_size")
        for method in part.columns
    ]
    return pd.DataFrame(rows, columns=["method", "support_size", "n_assays", "rank"])
