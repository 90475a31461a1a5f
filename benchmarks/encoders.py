"""Time and size of every encoder at equal width, as ratios to GINE in the same run.

    python benchmarks/encoders.py [FILE] [--dim 128] [--layers 5] [--chunk 48] [--repeats 7]

384 molecules are encoded in chunks on one thread. Encoders take turns and each counts with its
best round (time of this process, not of the clock), so that other load on the machine falls out as
far as it can. `backward` is the gradient of every parameter, forward pass included; `second order`
also differentiates that gradient, as MAML does with `adapt: all`.
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
    best = {name: [float("inf")] * 3 for name in encoders}
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
    names = sorted(ENCODERS.names(), key=lambda name: name != FLOOR)
    built = {name: ENCODERS.find(name)(dim=dim, layers=layers) for name in names}
    return {name: encoder for name, encoder in built.items() if encoder.reads == {"graphs"}}


def one_round(encoder: nn.Module, batches: list[Batch]) -> list[float]:
    """Seconds over all batches of a forward pass, of it and a backward pass, and of two orders."""
    parameters = list(encoder.parameters())
    times = [time.process_time()]
    with torch.no_grad():
        for batch in batches:
            encoder(batch)
    times.append(time.process_time())
    for batch in batches:
        torch.autograd.grad(encoder(batch).square().mean(), parameters)
    times.append(time.process_time())
    for batch in batches:
        loss = encoder(batch).square().mean()
        gradients = torch.autograd.grad(loss, parameters, create_graph=True)
        torch.autograd.grad(torch.stack([g.square().sum() for g in gradients]).sum(), parameters)
    times.append(time.process_time())
    return np.diff(times).tolist()


def report(encoders: dict[str, nn.Module], best: dict[str, list[float]]) -> None:
    kinds = ("forward", "backward", "second order")
    print(f"| encoder | parameters | {' | '.join(f'{kind}, ms | × GINE' for kind in kinds)} |")
    print("|---" * (2 + 2 * len(kinds)) + "|")
    for name, seconds in best.items():
        size = sum(parameter.numel() for parameter in encoders[name].parameters())
        cells = [
            f"{own * 1e3:,.0f} | {own / floor:.1f}"
            for own, floor in zip(seconds, best[FLOOR], strict=True)
        ]
        print(f"| {name} | {size:,} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
