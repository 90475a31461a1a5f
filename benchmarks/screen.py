"""Speed and memory of screening: end to end and by stage, one assay and fifty, stored vectors.

    OMP_NUM_THREADS=1 python benchmarks/screen.py [--model M] [--n 4000] [--sizes 20000 100000]

All of one core, and by the process's own time, so that other load on the machine falls out as far
as it can; memory is told with the rate by the clock. Molecules are FS-Mol's, repeated where more
are asked for.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rdkit import Chem, rdBase

from molmeta.assays import open_library
from molmeta.meta import load_model
from molmeta.meta.embedding import embed
from molmeta.meta.run import LoadedModel
from molmeta.predict.encoder import MoleculeEncoder
from molmeta.predict.panel import Panel
from molmeta.predict.screen import screen
from molmeta.predict.sources import MoleculeSource, VectorSource
from molmeta.predict.vectors import VectorFile

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "valid.csv.gz"
SUPPORT = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--n", type=int, default=4_000, help="molecules of the tables of stages")
    parser.add_argument("--assays", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="for memory, in turn")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(arguments.model)
    if arguments.measure is not None:
        measure_memory(model, arguments.measure)
        return
    smiles = pd.read_csv(DATA, usecols=["smiles"])["smiles"].drop_duplicates()
    smiles = smiles.sample(frac=1, random_state=0).tolist()
    with tempfile.TemporaryDirectory() as folder:
        stages(model, smiles, arguments.n, arguments.assays, arguments.repeats, Path(folder))
        for size in arguments.sizes:
            library = write_library(smiles, size, Path(folder))
            command = [sys.executable, __file__, "--model", arguments.model]
            subprocess.run([*command, "--measure", str(library)], check=True)


def write_library(smiles: list[str], n: int, folder: Path) -> Path:
    path = folder / f"library{n}.csv"
    with path.open("w") as file:
        file.write("smiles,id\n")
        file.writelines(f"{smiles[i % len(smiles)]},M{i}\n" for i in range(n))
    return path


def panel_of(model: LoadedModel, smiles: list[str], n_assays: int) -> Panel:
    rng = np.random.default_rng(0)
    labels = np.tile([0.0, 1.0], SUPPORT // 2).astype(np.float32)
    known = {
        f"assay {i}": (list(rng.choice(smiles, SUPPORT, replace=False)), labels)
        for i in range(n_assays)
    }
    return Panel.learn(model, known)


def stages(
    model: LoadedModel, smiles: list[str], n: int, n_assays: int, repeats: int, folder: Path
) -> None:
    library = open_library(write_library(smiles, n, folder))
    some = [smiles[i % len(smiles)] for i in range(n)]
    panels = {k: panel_of(model, smiles, k) for k in (1, n_assays)}
    features = model.featurize(some)
    vectors = embed(model.learner.encoder, features)
    with torch.no_grad():
        member = panels[1]._members[0]
        projected = member.above.project(vectors)
    stored = {}
    for number_format in ("fp32", "bf16"):
        path = folder / f"v.{number_format}.npy"
        MoleculeEncoder(model).encode_library(library, path, number_format=number_format)
        stored[number_format] = VectorSource(VectorFile.open(path, model))
    attempt = iter(range(10**6))

    def end_to_end(panel: Panel, source: MoleculeSource | VectorSource) -> None:
        screen(panel, source, folder / f"out{next(attempt)}", top=100)

    def match() -> None:
        with torch.no_grad():
            member.above.compare(member.support, member.labels, projected)

    molecules = MoleculeSource(library)
    contestants: dict[str, Callable[[], object]] = {
        "Chem.MolFromSmiles, bare parsing": lambda: parse_only(some),
        "featurize": lambda: model.featurize(some),
        "encoder on ready features": lambda: embed(model.learner.encoder, features),
        "projection and head on ready vectors, 1 assay": lambda: panels[1].score_vectors(vectors),
        f"the same, {n_assays} assays": lambda: panels[n_assays].score_vectors(vectors),
        "head alone on projected vectors, 1 assay": match,
        "screen, 1 assay, best 100": lambda: end_to_end(panels[1], molecules),
        f"screen, {n_assays} assays, best 100": lambda: end_to_end(panels[n_assays], molecules),
        "screen --embeddings fp32, 1 assay": lambda: end_to_end(panels[1], stored["fp32"]),
        "screen --embeddings bf16, 1 assay": lambda: end_to_end(panels[1], stored["bf16"]),
    }
    times = dict.fromkeys(contestants, float("inf"))
    with rdBase.BlockLogs():
        for _ in range(repeats):
            for name, run in contestants.items():
                start = time.process_time()
                run()
                times[name] = min(times[name], time.process_time() - start)
    print(f"{n:,} molecules, {model.path.name}, best of {repeats}\n")
    print("| one core | molecules/s | µs a molecule |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {n / seconds:,.0f} | {seconds / n * 1e6:.1f} |")
    names = list(contestants)
    ideal = times[names[1]] + times[names[2]]
    print(f"\nOf 1 / (t_featurize + t_encoder): {ideal / times[names[6]]:.2f}")
    print(f"{n_assays} assays instead of 1: × {times[names[7]] / times[names[6]]:.2f}\n")


def parse_only(smiles: list[str]) -> None:
    for one in smiles:
        Chem.MolFromSmiles(one)


def measure_memory(model: LoadedModel, path: Path) -> None:
    """The peak of this process's memory, screening one library from molecules."""
    smiles = pd.read_csv(path, nrows=1000)["smiles"].tolist()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        source = MoleculeSource(open_library(path))
        done = screen(panel_of(model, smiles, 1), source, Path(folder) / "out", top=1000)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = done.n_rows / seconds
    print(f"{done.n_rows:,} rows: {peak:,.0f} MiB at most, {rate:,.0f}/s by the clock")


if __name__ == "__main__":
    main()
