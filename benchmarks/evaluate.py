"""The time of a draw: molmeta's evaluation beside a loop that featurizes for every draw.

    python benchmarks/evaluate.py [FILE] [--model RUN]... [--sizes 16,32,64,128] [--draws 10]

CPU seconds, so that a busy machine matters little. The loop's time is the sum of what was measured
in the same run: its scoring is molmeta's own (a learner's without the vectors that molmeta keeps),
its featurizing what the method reads of every molecule of the assay, for every draw: RDKit's ECFP
counts, the descriptors, or a graph by torch_geometric's `from_smiles`. At the end the whole
evaluation runs with one process and with two (`--processes`).
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from torch_geometric.utils import from_smiles

from molmeta.assays import AssayStore, load_assays
from molmeta.chem.descriptors import describe
from molmeta.chem.fingerprint import pairs
from molmeta.evaluation import evaluate
from molmeta.evaluation.learners import LearnerMethod, model_methods, named_methods
from molmeta.evaluation.protocol import Method

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "valid.csv.gz"
BASELINES = "constant,knn,simsearch,simsearch-soft,logistic,gp,rf"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="assays")
    parser.add_argument("--model", action="append", default=[], help="a run folder")
    parser.add_argument("--baselines", default=BASELINES)
    parser.add_argument("--sizes", default="16,32,64,128")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--processes", default="1,2", help="numbers to run the whole with, or 0")
    arguments = parser.parse_args()
    store = load_assays(arguments.file)
    assert store.fingerprints.shape[0] == store.n_molecules  # computed before the clock starts
    sizes = [int(size) for size in arguments.sizes.split(",")]
    methods: list[Method] = [
        *named_methods(arguments.baselines.split(",")),
        *model_methods(arguments.model),
    ]
    n_draws, featurizing = per_draw(store, sizes, arguments.draws)
    print(
        f"{len(store)} assays, support sizes {arguments.sizes}, {n_draws} draws; CPU milliseconds "
        f"a draw\n\n{'method':20}{'molmeta':>10}{'featurizing loop':>18}{'ratio':>8}"
    )
    times: dict[str, Any] = {}
    for method in methods:
        ours = timed(partial(evaluate, [method], store, support_sizes=sizes, draws=arguments.draws))
        reads = method.reads if method.name != "constant" else ()
        scoring = (
            anew(method, store, sizes) if isinstance(method, LearnerMethod) else ours / n_draws
        )
        loop = scoring + sum(featurizing[kind] for kind in reads)
        times[method.name] = np.array([ours / n_draws, loop])
        row(method.name, *times[method.name])
    row("all", *np.sum(list(times.values()), axis=0))
    row("all but rf", *np.sum([time for name, time in times.items() if name != "rf"], axis=0))
    for workers in filter(None, map(int, arguments.processes.split(","))):
        before, begun = children(), time.perf_counter()
        again = partial(evaluate, methods, store, support_sizes=sizes, draws=arguments.draws)
        seconds = timed(partial(again, workers=workers))
        print(
            f"all of it by {workers} process(es): {time.perf_counter() - begun:.0f} s by the "
            f"clock, {seconds + children() - before:.0f} s of CPU"
        )


def children() -> float:
    """CPU seconds of worker processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def per_draw(store: AssayStore, sizes: list[int], n: int) -> tuple[int, dict[str, float]]:
    """The number of draws that can be made, and the seconds that featurizing one takes."""
    draws = evaluate(named_methods(["constant"]), store, support_sizes=sizes, draws=n)
    counts = draws.results["assay_id"].value_counts()
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    featurizers: dict[str, Callable[[str], object]] = {
        "graphs": from_smiles,
        "fingerprints": lambda s: generator.GetCountFingerprintAsNumPy(Chem.MolFromSmiles(s)),
        "pairs": lambda s: pairs([Chem.MolFromSmiles(s)]),
        "descriptors": lambda s: describe([Chem.MolFromSmiles(s)]),
    }
    seconds = dict.fromkeys(featurizers, 0.0)
    for assay_id, n_of_assay in counts.items():
        molecules = store.assay(str(assay_id)).molecules
        smiles = [store.smiles[number] for number in molecules[molecules >= 0]]
        # RDKit alone does not read those that molmeta repairs (`chem.repair`).
        smiles = [one for one in smiles if Chem.MolFromSmiles(one) is not None]
        for kind, featurizer in featurizers.items():
            seconds[kind] += n_of_assay * timed(partial(list, map(featurizer, smiles)))
    n_all = int(counts.sum())
    return n_all, {kind: value / n_all for kind, value in seconds.items()}


def anew(method: LearnerMethod, store: AssayStore, sizes: list[int]) -> float:
    """The seconds that a learner takes for a draw when it embeds every molecule for it."""
    seconds = []
    for assay_id in store.assay_ids:
        assay = store.subset([assay_id])
        for size in sizes:
            fresh = LearnerMethod(method.name, method.path, method.device)
            assert fresh.fingerprint  # the model is loaded before the clock starts
            seconds.append(
                timed(lambda: evaluate([fresh], assay, support_sizes=[size], draws=1))  # noqa: B023
            )
    return float(np.mean(seconds))


def timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def row(name: str, ours: float, loop: float) -> None:
    print(f"{name:20}{1000 * ours:10.1f}{1000 * loop:18.1f}{loop / ours:8.1f}", flush=True)


if __name__ == "__main__":
    with rdBase.BlockLogs():
        main()
