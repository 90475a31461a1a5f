"""Time and size of every encoder at equal width, as ratios to GINE in the same run.

    python benchmarks/encoders.py [FILE] [--dim 128] [--layers 5] [--chunk 48] [--repeats 7]

384 molecules are encoded in chunks on one thread. Encoders take turns and each counts with its
best round (time of this process, not of the clock), so that other load on the machine falls out as
far as it can. `backward` is the gradient of every parameter, forward pass included.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch_geometric.data import Batch

from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import collate
from molmeta.models import ENCODERS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "valid.csv.gz"
N_MOLECULES = 384
FLOOR = "gine"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="a CSV with `smiles`")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--chunk", type=int, default=48, help="molecules encoded at a time")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    batches = read_batches(arguments.file, arguments.chunk)
    encoders = build_encoders(arguments.dim, arguments.layers)
    best = {name: [float("inf")] * 2 for name in encoders}
    for _ in range(arguments.repeats):
        for name, encoder in encoders.items():
            best[name] = [*map(min, best[name], one_round(encoder, batches))]
    report(encoders, best)


def read_batches(file: Path, chunk: int) -> list[Batch]:
    smiles = pd.read_csv(file, usecols=["smiles"])["smiles"].drop_duplicates()
    features = featurize(smiles.sample(N_MOLECULES, random_state=0).tolist(), identities=False)
    atoms = features.graphs.n_atoms
    print(
        f"{N_MOLECULES} molecules of {file.name}, {atoms.mean():.1f} atoms each, {chunk} a chunk\n"
    )
    return [
        collate(features.graphs, np.arange(start, min(start + chunk, N_MOLECULES)))
        for start in range(0, N_MOLECULES, chunk)
    ]


def build_encoders(dim: int, layers: int) -> dict[str, nn.Module]:
    """Those that read graphs alone, the floor first."""
    graph_encoders = [
        name
        for name in ENCODERS.names()
        if getattr(ENCODERS.find(name), "reads", ("graphs",)) == ("graphs",)
    ]
    names = sorted(graph_encoders, key=lambda name: name != FLOOR)
    return {name: ENCODERS.find(name)(dim=dim, layers=layers) for name in names}


def one_round(encoder: nn.Module, batches: list[Batch]) -> list[float]:
    """Seconds of a forward pass, and of forward and backward, over all batches."""
    parameters = list(encoder.parameters())
    start = time.process_time()
    with torch.no_grad():
        for batch in batches:
            encoder(batch)
    middle = time.process_time()
    for batch in batches:
        torch.autograd.grad(encoder(batch).square().mean(), parameters)
    return [middle - start, time.process_time() - middle]


def report(encoders: dict[str, nn.Module], best: dict[str, list[float]]) -> None:
    print("| encoder | parameters | forward, ms | × GINE | with backward, ms | × GINE |")
    print("|---|---|---|---|---|---|")
    for name, (forward, backward) in best.items():
        size = sum(parameter.numel() for parameter in encoders[name].parameters())
        ratios = [seconds / floor for seconds, floor in zip(best[name], best[FLOOR], strict=True)]
        print(
            f"| {name} | {size:,} | {forward * 1e3:.0f} | {ratios[0]:.2f} "
            f"| {backward * 1e3:.0f} | {ratios[1]:.2f} |"
        )


if __name__ == "__main__":
    main()
