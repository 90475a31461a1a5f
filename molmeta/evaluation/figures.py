"""Figures: the plotted sections of a report."""

import pandas as pd

from molmeta.evaluation.compare import Comparison
from molmeta.evaluation.texts import LABELS, listed, number, records
from molmeta.reporting import Figure, Table, Text
from molmeta.reporting.blocks import Block
from molmeta.reporting.plots import Series, dot_plot, legend, line_plot

# More would hide each other in the plot by assay.
_MOST_BY_ASSAY = 4
# A frequency among fewer queries than these is noise.
_FEWEST_IN_BIN = 50


def learning_curves(found: Comparison) -> list[Block]:
    """Plot means over assays by support size, and the published ones that compare."""
    if len(found.sizes) < 2:
        return []
    series = []
    for name in found.methods:
        rows = [found.summary[name, size] for size in found.sizes if (name, size) in found.summary]
        x, y, low, high = (
            [row[column] for row in rows]
            for column in ("support_size", found.results.metric, "low", "high")
        )
        series.append(Series(name, x, y, low, high, found.style(name)))
    label = LABELS[found.results.metric]
    plot = line_plot(
        series, x_label="support size (log scale)", y_label=label, x_ticks=found.sizes, log_x=True
    )
    caption = (
        f"Mean {label} over assays by the number of labelled molecules, with 95 % intervals. "
        f"Assays: {listed(found.largest('n_assays'))}."
    )
    return [Figure(plot, caption, legend(series)), *_published(found)]


def _published(found: Comparison) -> list[Block]:
    table = found.published
    if not len(table):
        return []
    means = {(row["method"], row["support_size"]): row["mean"] for row in records(table)}
    sizes = sorted({size for _, size in means})
    names = list(dict.fromkeys(table.sort_values("mean", ascending=False)["method"]))
    rows = [
        [name, *(number(means.get((name, size), float("nan"))) for size in sizes)] for name in names
    ]
    caption = f"Published means of {found.label} on FS-Mol's test assays, by support size."
    return [Table(["published method", *map(str, sizes)], rows, caption)]


def method_against_method(found: Comparison) -> list[Block]:
    """Plot the best method against each other, paired by draw; mean ranks of all."""
    table = _of_best(found)
    if not len(table):
        return []
    size = found.sizes[0]
    rows = records(table[table["support_size"] == size])
    columns = {name: [row[name] for row in rows] for name in ("difference", "low", "high")}
    series = Series(
        found.best,
        columns["difference"],
        range(len(rows)),
        columns["low"],
        columns["high"],
        found.style(found.best),
        line=False,
    )
    plot = dot_plot(
        [row["second"] for row in rows],
        [series],
        x_label=f"{found.label} of {found.best} minus the other's, size {size}",
    )
    cells = [
        [
            *(row["second"], str(row["support_size"]), str(row["n_assays"])),
            number(row["difference"], sign=True),
            f"{number(row['low'])} to {number(row['high'])}",
            *(f"{row['wins']} : {row['losses']}", f"{row['p_value']:.1g}"),
        ]
        for row in records(table)
    ]
    headings = ["against", "size", "assays", "difference", "95 % interval", "wins : losses", "p"]
    return [
        Text(
            f"{found.best} against every other method, on the same draws. Where an interval "
            "excludes 0, the choice of assays does not explain the difference; "
            f"{'less' if found.lower_is_better else 'more'} is better."
        ),
        Figure(plot, "Mean difference over assays, with 95 % intervals."),
        Table(
            headings,
            cells,
            "Wins and losses are assays. p is Wilcoxon's signed-rank test over assays; it takes "
            "them as independent.",
        ),
        *_ranks(found),
    ]


def _of_best(found: Comparison) -> pd.DataFrame:
    """Select the best method's rows of the paired table, turned so that it is the first."""
    table = found.paired
    ahead = table[table["first"] == found.best]
    behind = table[table["second"] == found.best].rename(
        columns={
            **{"first": "second", "second": "first", "wins": "losses", "losses": "wins"},
            **{"low": "high", "high": "low"},
        }
    )
    behind = behind.assign(**{name: -behind[name] for name in ("difference", "low", "high")})
    both = pd.concat([part for part in (behind, ahead) if len(part)] or [ahead])
    return both.sort_values(["support_size", "difference"], kind="stable")


def _ranks(found: Comparison) -> list[Block]:
    table = found.ranks
    ranks = {(row["method"], row["support_size"]): row["rank"] for row in records(table)}
    sizes = sorted({size for _, size in ranks})
    names = sorted(table["method"].unique(), key=lambda name: ranks[name, sizes[0]])
    series = [
        Series(
            f"size {size}",
            [ranks[name, size] for name in names],
            range(len(names)),
            style=style,
            line=False,
        )
        for style, size in enumerate(sizes)
    ]
    plot = dot_plot(names, series, x_label="mean rank over assays (1 is best)", zero=False)
    return [Figure(plot, "Mean rank of each method among all, by support size.", legend(series))]


def assay_by_assay(found: Comparison) -> list[Block]:
    """Plot every assay's mean at the smallest support size, for a few methods."""
    size = found.sizes[0]
    draws = found.results.results
    draws = draws[draws["support_size"] == size]
    means = draws.pivot_table(index="assay_id", columns="method", values=found.metric)
    means = means.sort_values(found.best, ascending=found.lower_is_better)
    # Trained methods first, then the best of the others.
    trained = set(found.results.leakage["method"])
    order = means.mean().sort_values(ascending=found.lower_is_better).index.tolist()
    shown = sorted(order, key=lambda name: name not in trained)[:_MOST_BY_ASSAY]
    series = [
        Series(name, means[name].tolist(), range(len(means)), style=found.style(name), line=False)
        for name in sorted(shown, key=found.style)
    ]
    plot = dot_plot(means.index.tolist(), series, x_label=f"{found.label}, support size {size}")
    caption = f"Mean over draws of each assay, sorted by {found.best}."
    if len(shown) < len(order):
        caption += f" {len(shown)} of {len(order)} methods are shown."
    return [Figure(plot, caption, legend(series))]


def calibration(found: Comparison) -> list[Block]:
    """Plot predicted probabilities against frequencies, for methods that give them."""
    size, bins = found.sizes[0], found.results.calibration
    bins = bins[(bins["support_size"] == size) & (bins["n"] >= _FEWEST_IN_BIN)]
    if not len(bins):
        return []
    series = []
    for name in bins["method"].unique():
        part = bins[bins["method"] == name]
        predicted, observed = part["probability"] / part["n"], part["active"] / part["n"]
        series.append(Series(name, predicted.tolist(), observed.tolist(), style=found.style(name)))
    plot = line_plot(
        series,
        x_label=f"predicted probability of being active, size {size}",
        y_label="fraction that is active",
        x_ticks=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
        y_range=(0.0, 1.0),
        diagonal=True,
    )
    rows = [
        [
            one.label,
            *(number(found.summary[one.label, size][m]) for m in ("brier", "calibration_error")),
        ]
        for one in series
    ]
    return [
        Figure(
            plot,
            "All queries of all draws, in ten bins of the probability; a bin of fewer than "
            f"{_FEWEST_IN_BIN} queries is left out, and so are methods whose scores only rank. "
            "On the grey diagonal, probabilities are frequencies.",
            legend(series),
        ),
        Table(
            ["method", "Brier score", "calibration error"],
            rows,
            f"Means over assays at support size {size}; less is better.",
        ),
    ]
