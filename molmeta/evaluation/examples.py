"""The hardest and easiest assays of a report, with their molecules drawn."""

from molmeta.chem.repair import respell
from molmeta.evaluation.compare import Comparison
from molmeta.evaluation.texts import LABELS, Row, number
from molmeta.reporting import Figure, Molecules, Text
from molmeta.reporting.blocks import Block, MoleculeCard
from molmeta.reporting.molecules import draw
from molmeta.reporting.plots import scatter_plot

_N_OF_EACH = 2


def hardest_and_easiest(found: Comparison) -> list[Block]:
    """Draw the assays where the best method does worst and best, in their first draw."""
    method, size, metric = found.best, found.sizes[0], found.results.metric
    draws = found.results.results
    draws = draws[(draws["method"] == method) & (draws["support_size"] == size)]
    means = draws.groupby("assay_id")[metric].mean().sort_values()
    examples = {
        example["assay_id"]: example
        for example in found.results.examples
        if (example["method"], example["support_size"]) == (method, size)
    }
    n = min(_N_OF_EACH, len(means) // 2)
    if not n:
        return []
    blocks: list[Block] = [
        Text(
            f"Assays where {method} does worst and best at support size {size}: the support set "
            "of the first draw, and the queries that it scored highest. Heavy frames are actives."
        )
    ]
    ids = means.index.tolist()
    for kind, chosen in (("Hardest", ids[:n]), ("Easiest", ids[::-1][:n])):
        for assay_id in chosen:
            title = f"{kind}: {assay_id}, {LABELS[metric]} {number(means[assay_id])}"
            blocks += _assay(found, title, examples[assay_id])
    return blocks


def _assay(found: Comparison, title: str, example: Row) -> list[Block]:
    kind = found.results.assays.set_index("assay_id")["target_class"][example["assay_id"]]
    title = f"{title}, {kind}" if isinstance(kind, str) else title
    classes = found.results.task == "classification"
    support = sorted(example["support"], key=lambda molecule: -molecule[1])
    return [
        Molecules(
            [_card(smiles, label, classes=classes) for smiles, label in support],
            f"{title}. Support set:",
        ),
        Molecules(
            [
                _card(smiles, label, f"score {number(score)}", classes=classes)
                for smiles, label, score in example["top"]
            ],
            "Highest-scored queries, best first:",
        ),
        *_values(example.get("values", [])),  # results of before have none
    ]


def _values(pairs: list[list[float]]) -> list[Block]:
    """Plot predicted against measured values, [measured, predicted] each."""
    if not pairs:
        return []
    plot = scatter_plot(*zip(*pairs, strict=True), x_label="measured", y_label="predicted")
    return [Figure(plot, "Queries of that draw. On the grey diagonal both are equal.")]


def _card(smiles: str, label: float, *more: str, classes: bool) -> MoleculeCard:
    active = classes and label > 0.5
    text = ("active" if active else "inactive") if classes else f"measured {label:.2f}"
    return MoleculeCard(draw(respell(smiles)), [text, *more], active)
