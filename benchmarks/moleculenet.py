"""Clean MoleculeNet few-shot tables: support labels only, ten draws, every other molecule a query.

    python benchmarks/moleculenet.py [tox21 sider muv toxcast] [--model RUN]... [--shots 1,5,10]

The test assays are the last columns, as in the literature. There are no validation assays, so a
model must not have been chosen on any of these.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from molmeta.assays import load_assays
from molmeta.evaluation import evaluate, make_baselines
from molmeta.evaluation.learners import model_methods

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "moleculenet"
# Columns of the test assays, counted from the first assay.
TEST = {"tox21": (9, 12), "sider": (21, 27), "muv": (12, 17), "toxcast": (450, 617)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(TEST), help="data sets")
    parser.add_argument("--model", action="append", default=[], help="a run folder")
    parser.add_argument("--shots", default="1,5,10", help="molecules of each class")
    parser.add_argument("--baselines", default="knn,simsearch,simsearch-soft,logistic,gp,rf")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="folder for the tables")
    arguments = parser.parse_args()
    methods = [*make_baselines(arguments.baselines.split(",")), *model_methods(arguments.model)]
    for name in arguments.names:
        found = evaluate(
            methods,
            load_assays(DATA / f"{name}.csv.gz").subset(test_assays(name)),
            protocol="moleculenet",
            support_sizes=[int(shots) for shots in arguments.shots.split(",")],
            draws=arguments.draws,
            workers=arguments.workers,
            out=arguments.output / name if arguments.output else None,
        )
        print(f"\n{name}: mean ROC-AUC by shots (assays)")
        print(table(found.summary, "roc_auc"))
        print("mean ΔAUPRC")
        print(table(found.summary, "delta_auprc"), flush=True)


def test_assays(name: str) -> list[str]:
    """The names of the test columns, which the file's order decides."""
    header = pd.read_csv(DATA / f"{name}.csv.gz", nrows=0).columns
    begin, end = TEST[name]
    return [column for column in header if column not in ("smiles", "mol_id")][begin:end]


def table(summary: pd.DataFrame, metric: str) -> str:
    means = summary.pivot(index="method", columns="support_size", values=metric)
    counts = summary.groupby("support_size")["n_assays"].max()
    means.columns = pd.Index([f"{size} ({counts[size]})" for size in means.columns])
    return means.round(3).loc[summary["method"].unique()].to_string()


if __name__ == "__main__":
    main()
