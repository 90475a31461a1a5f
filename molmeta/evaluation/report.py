"""The report of one or more evaluations: a page that a chemist can read and a researcher check."""

from pathlib import Path

import pandas as pd

from molmeta.evaluation import figures
from molmeta.evaluation.compare import Comparison
from molmeta.evaluation.examples import hardest_and_easiest
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.texts import (
    LABELS,
    MEANINGS,
    interval,
    listed,
    number,
    records,
    without_folders,
)
from molmeta.reporting import Facts, Note, Section, Table, Text, write_page
from molmeta.reporting.blocks import Block

PROTOCOL_TEXTS = {
    "fsmol": "stratified support sets of every labelled row as published, repeats included; the "
    "query set is every other row. A row that does not parse is skipped in the support set, and "
    "scored at the support set's prevalence in the query set.",
    "moleculenet": "as many actives as inactives in the support set, which holds the support size "
    "of each class; the query set is every other curated molecule.",
    "stratified": "stratified support sets of curated rows; no molecule is in support and query.",
    "random": "random support sets of curated rows; no molecule is in support and query.",
    "balanced": "as many actives as inactives in the support set, of curated rows; no molecule is "
    "in support and query.",
    "scaffold": "support sets of whole Murcko scaffolds, of curated rows; no molecule and no "
    "scaffold is in support and query.",
}
"""What each protocol does."""


def write_report(found: Comparison, file: Path) -> None:
    """Write the report as one HTML file that needs nothing else.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.evaluation import evaluate, make_baselines
    >>> from molmeta.evaluation.compare import compare
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> results = evaluate(make_baselines(["constant", "knn"]), store, draws=1)
    >>> write_report(compare({"first": results}), Path("report.html"))

    Args:
        found: From `compare`; a single evaluation will do.
        file: Where it goes.
    """
    info = found.results.info
    subtitle = (
        f"{len(found.methods)} methods on {max(map(int, found.largest('n_assays')))} assays · "
        f"protocol {info['protocol']} · support sizes {listed(found.sizes)}"
    )
    if not _unequal_draws(found):
        n_draws = len(info["seeds"])
        subtitle += f" · {n_draws} draw{'s' * (n_draws != 1)} each"

    sections = {
        "Summary": _summary(found),
        "Learning curves": figures.learning_curves(found),
        "Method against method": figures.method_against_method(found),
        "Assay by assay": figures.assay_by_assay(found),
        "Target classes": _classes(found),
        "Calibration": figures.calibration(found),
        "Hardest and easiest assays": hardest_and_easiest(found),
        "All metrics": _all_metrics(found),
        "Leakage": _leakage(found),
        "Skipped draws": _skipped(found),
        "How these figures were made": _provenance(found),
    }
    write_page(
        file,
        "Few-shot evaluation",
        subtitle,
        [Section(title, blocks) for title, blocks in sections.items() if blocks],
    )


def _summary(found: Comparison) -> list[Block]:
    metric, size = found.results.metric, found.sizes[0]
    row = found.summary[found.best, size]
    blocks: list[Block] = [
        Text(
            f"At support size {size}, {found.best} has the best mean {found.label} of "
            f"{len(found.methods)} methods: {interval(row, metric)} over {row['n_assays']} assays. "
            "The interval is at the 95 % level; assays that share their molecules are drawn "
            "together."
        ),
        Text(f"{LABELS[metric]}: {MEANINGS[metric]}"),
    ]
    seen = {name for (name, _), row in found.summary.items() if row["n_seen_assays"]}
    if seen:
        blocks.append(Note("A method marked † was trained on some of these assays: see Leakage."))
    if _unequal_draws(found):
        blocks.append(
            Note(
                "The methods have different numbers of draws: compare them by the paired "
                "differences below, which use the draws that both have."
            )
        )
    rows = [
        [
            f"{name} †" if name in seen else name,
            *(interval(found.summary.get((name, size)), metric) for size in found.sizes),
        ]
        for name in found.methods
    ]
    rows += [
        ["assays", *found.largest("n_assays")],
        ["molecule sets", *found.largest("n_clusters")],
        ["draws skipped", *found.largest("n_skipped")],
    ]
    caption = (
        f"Mean {LABELS[metric]} over assays, and its 95 % interval. Molecule sets: how many of "
        "the assays test distinct sets of molecules."
    )
    return [*blocks, Table(["method", *(f"size {size}" for size in found.sizes)], rows, caption)]


def _unequal_draws(found: Comparison) -> bool:
    counts = {(size, row["n_draws"]) for (_, size), row in found.summary.items()}
    return len(counts) > len(found.sizes)


def _classes(found: Comparison) -> list[Block]:
    size, metric = found.sizes[0], found.results.metric
    rows = [row for row in records(found.results.classes) if row["support_size"] == size]
    counts = {row["target_class"]: row["n_assays"] for row in rows}
    kinds = sorted(counts, key=lambda kind: (-counts[kind], kind))
    means = {(row["method"], row["target_class"]): row[metric] for row in rows}
    cells = [
        [name, *(number(means.get((name, kind), float("nan"))) for kind in kinds)]
        for name in found.methods
    ]
    headings = ["method", *(f"{kind} ({counts[kind]})" for kind in kinds)]
    caption = f"Mean {LABELS[metric]} by target class (number of assays), support size {size}."
    return [Table(headings, cells, caption)] if rows else []


def _all_metrics(found: Comparison) -> list[Block]:
    metrics = METRICS[found.results.task]
    rows = [
        [name, str(size), str(row["n_assays"]), *(number(row[metric]) for metric in metrics)]
        for (name, size), row in found.summary.items()
    ]
    headings = ["method", "size", "assays", *(LABELS[metric] for metric in metrics)]
    return [
        Table(headings, rows, "Means over draws, then over assays."),
        Facts({LABELS[metric]: MEANINGS[metric] for metric in metrics}),
    ]


def _leakage(found: Comparison) -> list[Block]:
    leakage = found.results.leakage
    if not len(leakage):
        return [Text("No method here was trained on anything but the support sets.")]
    # Methods that were trained on the same, such as a model and the probe on it, are listed once.
    groups: dict[str, list[str]] = {}
    for name, part in leakage.groupby("method", sort=False):
        groups.setdefault(part.drop(columns="method").to_csv(index=False), []).append(str(name))
    firsts = {names[0]: listed(names) for names in groups.values()}
    leakage = leakage[leakage["method"].isin(list(firsts))].replace({"method": firsts})
    blocks: list[Block] = []
    for name, part in leakage.groupby("method", sort=False):
        share = part["seen_molecules"].mean()
        blocks.append(
            Text(f"{name}: on average {share:.0%} of a test assay's molecules occur in training.")
        )
        for seen, what in (
            (part["seen_assay"], "are training assays"),
            (
                part["same_content"] & ~part["seen_assay"],
                "equal a training assay of another id, molecule for molecule, label for label",
            ),
        ):
            if seen.any():
                text = f"{seen.sum()} of {len(part)} test assays {what}"
                blocks.append(Note(f"{name}: {text}: {listed(part.loc[seen, 'assay_id'])}."))
    return [*blocks, _seen_molecules(leakage)]


def _seen_molecules(leakage: pd.DataFrame) -> Table:
    """Tabulate the share of each assay that was seen, by method; the largest first."""
    marks = leakage["seen_assay"].map({True: " (same id)", False: ""})
    marks += leakage["same_content"].map({True: " (same labels)", False: ""})
    cells = leakage.assign(cell=leakage["seen_molecules"].map("{:.0%}".format) + marks)
    shares = leakage.pivot(index="assay_id", columns="method", values="seen_molecules")
    order = shares.mean(axis=1).sort_values(ascending=False, kind="stable").index
    table = cells.pivot(index="assay_id", columns="method", values="cell")
    table = table.loc[order, list(leakage["method"].unique())]
    return Table(
        ["assay", *table.columns],
        [[assay_id, *row] for assay_id, row in zip(table.index, table.to_numpy(), strict=True)],
        "Share of each assay's molecules, support set and queries together, seen in training.",
    )


def _skipped(found: Comparison) -> list[Block]:
    skipped = found.results.skipped
    if not len(skipped):
        return [Text("Every draw could be made.")]
    counts = skipped.groupby(["reason", "support_size"], as_index=False).agg(
        draws=("seed", "size"), assays=("assay_id", "nunique")
    )
    rows = [
        [row["reason"], *(str(row[name]) for name in ("support_size", "draws", "assays"))]
        for row in records(counts.sort_values("support_size", kind="stable"))
    ]
    return [Table(["reason", "size", "draws", "assays"], rows)]


def _provenance(found: Comparison) -> list[Block]:
    protocol = found.results.info["protocol"]
    blocks: list[Block] = [Text(f"Protocol {protocol}: {PROTOCOL_TEXTS[protocol]}")]
    for name, info in found.infos.items():
        facts = {
            "evaluation": name,
            "command": without_folders(info["command"]),
            "seeds": listed(info["seeds"]),
            "data": f"{Path(info['data']['path']).name}, {info['data']['n_assays']} assays",
            "hash of the data": info["data"]["hash"],
            "versions": listed([f"{what} {v}" for what, v in info["versions"].items()]),
        }
        settings = {f"method {method}": made for method, made in info["methods"].items()}
        blocks.append(Facts(facts | settings))
    return blocks
