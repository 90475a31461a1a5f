"""Speed and size of featurizing, against bare RDKit and torch_geometric in the same run.

    python benchmarks/featurize.py [FILE] [--n 20000] [--repeats 3] [--chemprop PYTHON]

Contestants take turns on blocks of 512 molecules, and each block counts with its best time (of
this process, not of the clock), so that other load on the machine falls out as far as it can.
chemprop is measured by another interpreter, PYTHON, that has it, against its own floor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from torch_geometric.data import Batch
from torch_geometric.utils import from_smiles

from molmeta.assays import AssayStore
from molmeta.chem.featurize import featurize
from molmeta.chem.standardize import Standardizer

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "train.csv.gz"
BLOCK = 512
Contestant = Callable[[Sequence[str]], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="a CSV with `smiles`")
    parser.add_argument("--n", type=int, default=20_000, help="molecules")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chemprop", metavar="PYTHON", help="an interpreter with chemprop")
    arguments = parser.parse_args()
    distinct = pd.read_csv(arguments.file, usecols=["smiles"])["smiles"].drop_duplicates()
    smiles = distinct.sample(min(arguments.n, len(distinct)), random_state=0).tolist()
    print(f"{len(smiles):,} molecules of {arguments.file.name}, best of {arguments.repeats}\n")
    with rdBase.BlockLogs():
        compare_featurizers(smiles, arguments.repeats)
        if arguments.chemprop:
            compare_chemprop(arguments.chemprop, smiles[:4096], arguments.repeats)
        compare_batches(smiles[:4096])
    time_opening(smiles[:4096])
    compare_workers(smiles, arguments.repeats)


def parse_only(block: Sequence[str]) -> None:
    for smiles in block:
        Chem.MolFromSmiles(smiles)


def compare_featurizers(smiles: list[str], repeats: int) -> None:
    contestants: dict[str, Contestant] = {
        "Chem.MolFromSmiles, the floor": parse_only,
        "graphs": lambda block: featurize(block, identities=False),
        "graphs, standardised": lambda block: featurize(
            block, identities=False, standardize=Standardizer()
        ),
        "graphs, identities": featurize,
        "graphs, ECFP counts": lambda block: featurize(
            block, identities=False, reads=["graphs", "fingerprints"]
        ),
        "torch_geometric from_smiles": lambda block: [from_smiles(smiles) for smiles in block],
    }
    times = dict.fromkeys(contestants, 0.0)
    for start in range(0, len(smiles), BLOCK):
        block = smiles[start : start + BLOCK]
        for name, seconds in best_times(contestants, block, repeats).items():
            times[name] += seconds
    floor = next(iter(times.values()))
    print("| one core | molecules/s | × the floor's time |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {len(smiles) / seconds:,.0f} | {seconds / floor:.2f} |")


def best_times(
    contestants: dict[str, Contestant], block: Sequence[str], repeats: int
) -> dict[str, float]:
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(repeats):
        for name, contestant in contestants.items():
            start = time.process_time()
            contestant(block)
            best[name] = min(best[name], time.process_time() - start)
    return best


CHEMPROP = """
import json, sys, time
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from rdkit import Chem, rdBase
rdBase.DisableLog("rdApp.*")
featurizer, (smiles, repeats) = SimpleMoleculeMolGraphFeaturizer(), json.load(sys.stdin)
smiles = [s for s in smiles if Chem.MolFromSmiles(s)]
total = [0.0, 0.0]
for start in range(0, len(smiles), 512):
    best = [9e9, 9e9]
    for _ in range(repeats):
        for k, work in enumerate((Chem.MolFromSmiles, lambda s: featurizer(Chem.MolFromSmiles(s)))):
            begun = time.process_time()
            for s in smiles[start:start + 512]: work(s)
            best[k] = min(best[k], time.process_time() - begun)
    total = [a + b for a, b in zip(total, best)]
print(f"| chemprop's graphs | {len(smiles) / total[1]:,.0f} | {total[1] / total[0]:.2f} |")
"""


def compare_chemprop(python: str, smiles: list[str], repeats: int) -> None:
    # Else the other interpreter would import from this checkout.
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [python, "-c", CHEMPROP],
        input=json.dumps([smiles, repeats]),
        text=True,
        check=True,
        env=outside,
        cwd=tempfile.gettempdir(),
    )


def time_opening(smiles: list[str], rounds: int = 30) -> None:
    frame = pd.DataFrame({"assay": "A", "smiles": smiles, "label": np.arange(len(smiles)) % 2})
    store = AssayStore.from_frame(frame)
    on_disk = sum(file.stat().st_size for file in (store.path / "graphs").iterdir())
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        assert len(AssayStore.open(store.path).graphs) == store.n_molecules
        times.append(time.perf_counter() - start)
    print(
        f"A store opens in {min(times) * 1e3:.1f} ms, its graphs mapped; they take "
        f"{on_disk / store.n_molecules:.0f} bytes a molecule on disk.\n"
    )


def compare_batches(smiles: list[str], rounds: int = 30) -> None:
    smiles = [text for text in smiles if Chem.MolFromSmiles(text)]  # else theirs are empty
    graphs = featurize(smiles, identities=False).graphs
    print(f"\nGraphs take {graphs.nbytes / len(graphs):.0f} bytes a molecule.\n")
    data = [from_smiles(one) for one in smiles]
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for _ in range(rounds):
        chosen = rng.choice(len(smiles), min(BLOCK, len(smiles)), replace=False)
        start = time.process_time()
        dense = graphs.dense(chosen)
        middle = time.process_time()
        batch = Batch.from_data_list([data[index] for index in chosen])
        ours.append(middle - start)
        theirs.append(time.process_time() - middle)
        assert (batch.edge_index.numpy() == dense.edge_index).all()
        assert (batch.x.numpy() == dense.x).all()
    fast, slow = min(ours), min(theirs)
    print(
        f"A batch of {BLOCK}: dense() {fast * 1e3:.2f} ms, Batch.from_data_list {slow * 1e3:.1f} ms"
        f": {slow / fast:.0f} times as fast, and equal.\n"
    )


def compare_workers(smiles: list[str], repeats: int) -> None:
    best = dict.fromkeys((1, 2), float("inf"))
    for _ in range(repeats):
        for workers in best:
            start = time.perf_counter()
            featurize(smiles, workers=workers)
            best[workers] = min(best[workers], time.perf_counter() - start)
    load = f"; {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
    print(f"| worker processes | molecules/s by the clock, with start-up{load} |\n|---|---|")
    for workers, seconds in best.items():
        print(f"| {workers} | {len(smiles) / seconds:,.0f} |")


if __name__ == "__main__":
    main()
