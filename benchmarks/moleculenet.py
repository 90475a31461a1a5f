"""Clean MoleculeNet few-shot tables: support labels only, ten draws, every other molecule a query.

    python benchmarks/moleculenet.py tox21 --results DIR --docs research/moleculenet.md

The test assays are the last columns, as in the literature. There are no validation assays, so a
model must not have been chosen on any of these. With `--results` a table that was made before is
only completed: another model costs its own draws. With `--docs` the table takes the place of the
earlier one in that page. `rf-grid` is left out: it cross-validates, which 2 molecules do not allow.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pandas as pd

from molmeta.assays import AssayStore, load_assays
from molmeta.evaluation import Results, evaluate
from molmeta.evaluation.frequent_hitters import FrequentHitters
from molmeta.evaluation.learners import model_methods, named_methods
from molmeta.evaluation.protocol import Method

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "moleculenet"
# Columns of the test assays, counted from the first assay.
TEST = {
    "tox21": slice(9, 12),
    "sider": slice(21, 27),
    "muv": slice(12, 17),
    "toxcast": slice(450, 617),
}
BASELINES = "constant,knn,simsearch,simsearch-soft,logistic,gp,rf,rf-leaf1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(TEST), help="data sets")
    parser.add_argument("--model", action="append", default=[], help="a run folder")
    parser.add_argument("--shots", default="1,5,10", help="molecules of each class")
    parser.add_argument("--baselines", default=BASELINES)
    parser.add_argument("--frequent-hitters", type=Path, help="training assays for that baseline")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--stores", type=Path, help="folder of stores by name, else CSV is read")
    parser.add_argument("--results", type=Path, help="folder for what `evaluate` writes")
    parser.add_argument("--docs", type=Path, help="page that gets the tables")
    arguments = parser.parse_args()
    methods: list[Method] = [
        *named_methods(arguments.baselines.split(",")),
        *model_methods(arguments.model),
    ]
    if arguments.frequent_hitters:
        methods.append(FrequentHitters.fit(load_assays(arguments.frequent_hitters)))
    for name in arguments.names:
        found = evaluate(
            methods,
            test_assays(name, arguments.stores),
            protocol="moleculenet",
            support_sizes=[int(shots) for shots in arguments.shots.split(",")],
            draws=arguments.draws,
            workers=arguments.workers,
            out=arguments.results / name if arguments.results else None,
        )
        text = page(name, found)
        print(text, flush=True)
        if arguments.docs:
            put(arguments.docs, name, text)


def test_assays(name: str, stores: Path | None) -> AssayStore:
    """The test columns, which the file's order decides."""
    file = DATA / f"{name}.csv.gz"
    header = pd.read_csv(file, nrows=0).columns
    columns = [column for column in header if column not in ("smiles", "mol_id")]
    return load_assays(stores / name if stores else file).subset(columns[TEST[name]])


def page(name: str, found: Results) -> str:
    counts = found.summary.groupby("support_size")["n_assays"].max()
    seen = found.summary.groupby("method")[["n_seen_assays", "seen_molecules"]].max()
    notes = "".join(
        f" `{method}` was trained on {row.n_seen_assays:.0f} of these assays, and on "
        f"{row.seen_molecules:.0%} of an assay's molecules."
        for method, row in seen[seen["seen_molecules"] > 0].iterrows()
    )
    assays = ", ".join(f"{size}-shot {n}" for size, n in counts.items())
    return (
        f"### {name}\n\nAssays: {assays}; draws an assay: {len(found.info['seeds'])}.{notes}\n\n"
        f"{table(found.summary)}\n"
    )


def table(summary: pd.DataFrame) -> str:
    """ROC-AUC and ΔAUPRC, means over draws and then assays, in Markdown."""
    sizes = sorted(summary["support_size"].unique())
    cell = summary.set_index(["method", "support_size"])
    titles = [f"{metric} {size}-shot" for metric in ("ROC-AUC", "ΔAUPRC") for size in sizes]
    rows = [f"| method | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for method in summary["method"].unique():
        values = [
            f"{cell.loc[(method, size), metric]:.3f}".replace("-", "−").replace("0.", ".", 1)
            for metric in ("roc_auc", "delta_auprc")
            for size in sizes
        ]
        rows.append(f"| `{method}` | {' | '.join(values)} |")
    return "\n".join(rows)


def put(file: Path, name: str, text: str) -> None:
    """Replace what stands between the page's two comments of that name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    old = file.read_text(encoding="utf-8")
    if begin not in old:
        old += f"\n{begin}{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    file.write_text(pattern.sub(lambda _: begin + text + end, old), encoding="utf-8")


if __name__ == "__main__":
    main()
