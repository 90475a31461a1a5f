"""Time of a draw, method by method, against a loop that featurizes the assay in every draw.

    python benchmarks/evaluate.py [FILE] [--model RUN]... [--support-size 16] [--draws 1]

Both score the same draws with the same methods. The loop parses the assay's SMILES anew each time
and makes what the method reads: ECFP counts one molecule at a time with RDKit, or graphs with
torch_geometric's `from_smiles`. Times are of this process, not of the clock, so that other load on
the machine falls out as far as it can.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from torch_geometric.utils import from_smiles

from molmeta.assays import AssayStore, load_assays
from molmeta.evaluation import evaluate, make_baselines
from molmeta.evaluation.learners import LearnerMethod, model_methods
from molmeta.evaluation.protocol import Method

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "valid.csv.gz"
BASELINES = ["constant", "knn", "simsearch", "simsearch-soft", "logistic", "gp", "rf"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="assays")
    parser.add_argument("--model", action="append", default=[], help="a run folder")
    parser.add_argument("--support-size", type=int, default=16)
    parser.add_argument("--draws", type=int, default=1)
    arguments = parser.parse_args()
    store = load_assays(arguments.file)
    assert store.fingerprints.shape[0] == store.n_molecules  # computed before the clock starts
    methods: list[Method] = [*make_baselines(BASELINES), *model_methods(arguments.model)]
    n_draws, featurizing = per_draw(store, arguments.support_size, arguments.draws)
    print(f"{n_draws} draws of support size {arguments.support_size}; milliseconds a draw\n")
    print(f"{'method':20}{'molmeta':>10}{'featurizing loop':>18}{'ratio':>8}")
    total = np.zeros(2)
    for method in methods:
        seconds = timed(
            lambda method=method: evaluate(
                [method], store, support_sizes=[arguments.support_size], draws=arguments.draws
            )
        )
        ours = seconds / n_draws
        kind = "graphs" if isinstance(method, LearnerMethod) else "fingerprints"
        loop = ours + (0.0 if method.name == "constant" else featurizing[kind])
        total += ours, loop
        row(method.name, ours, loop)
    row("all", *total)


def per_draw(store: AssayStore, size: int, n_draws: int) -> tuple[int, dict[str, float]]:
    """The number of draws that can be made, and the seconds that featurizing one takes."""
    draws = evaluate(make_baselines(["constant"]), store, support_sizes=[size], draws=n_draws)
    counts = draws.results["assay_id"].value_counts()
    seconds = {"graphs": 0.0, "fingerprints": 0.0}
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    for assay_id, n in counts.items():
        molecules = store.assay(str(assay_id)).molecules
        smiles = [store.smiles[number] for number in molecules[molecules >= 0]]
        seconds["graphs"] += n * timed(lambda smiles=smiles: graphs(smiles))
        seconds["fingerprints"] += n * timed(
            lambda smiles=smiles: np.stack(
                [generator.GetCountFingerprintAsNumPy(Chem.MolFromSmiles(s)) for s in smiles]
            )
        )
    n_all = int(counts.sum())
    return n_all, {kind: value / n_all for kind, value in seconds.items()}


def graphs(smiles: Sequence[str]) -> list[object]:
    return [from_smiles(one) for one in smiles]


def timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def row(name: str, ours: float, loop: float) -> None:
    print(f"{name:20}{1000 * ours:10.1f}{1000 * loop:18.1f}{loop / ours:8.1f}")


if __name__ == "__main__":
    with rdBase.BlockLogs():
        main()
