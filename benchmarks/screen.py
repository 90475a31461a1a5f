"""Speed of screening: end to end and by stage, one assay and fifty, stored vectors, two cores.

    OMP_NUM_THREADS=1 python benchmarks/screen.py [--model default] [--n 8192] [--chemprop PROGRAM]

`--model` is a run folder, a shipped model, or a recipe of `configs/`, whose model is then of random
weights: speed does not depend on them. Molecules are FS-Mol's. What one core does is told by the
process's own time, so that other load on the machine falls out as far as it can; two cores by the
clock, for which both must be free. Memory: `benchmarks/screen_killed.py`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from rdkit import Chem, rdBase

from molmeta import FewShotClassifier
from molmeta.assays import open_library
from molmeta.assays.library import Library
from molmeta.config import read_recipe
from molmeta.learning.embed import embed
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.learnt import panel_of as join
from molmeta.predict.library.screen import Source, screen
from molmeta.predict.library.sources import MoleculeSource, VectorSource
from molmeta.predict.library.stream import PART_ROWS, Computed, Part
from molmeta.predict.library.vector_writers import write_vectors
from molmeta.predict.library.vectors import VectorFile
from molmeta.predict.panel import Panel
from molmeta.resources import share_path
from molmeta.runs import load_model
from molmeta.runs.model import Model
from molmeta.runs.recipe import build_learner, resolve_recipe

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "valid.csv.gz"
SUPPORT, TOP = 16, 100
N_STORED = 8 * PART_ROWS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--n", type=int, default=8192, help="molecules")
    parser.add_argument("--assays", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chemprop", type=Path, help="its program: predict beside it, and only it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.read_csv(DATA, usecols=["smiles"])["smiles"].drop_duplicates()
    smiles = table.sample(frac=1, random_state=0).tolist()
    with tempfile.TemporaryDirectory() as name, rdBase.BlockLogs():
        folder = Path(name)
        if arguments.chemprop is not None:
            beside_chemprop(smiles, arguments.n, arguments.chemprop, folder)
            return
        model = model_of(arguments.model)
        print(f"{model.path.name}: {arguments.n:,} molecules, best of {arguments.repeats}\n")
        bench = Bench(model, smiles, arguments.n, arguments.assays, folder)
        bench.molecules(arguments.repeats)
        bench.vectors(arguments.repeats)


def model_of(name: str) -> Model:
    recipe = share_path("configs") / f"{name}.yaml"
    if name == "default" or not recipe.is_file():
        return load_model(name)
    torch.manual_seed(0)
    resolved = resolve_recipe(read_recipe(recipe))
    return Model(build_learner(resolved).eval(), resolved.sections, Path(f"recipe {name}"))


def write_library(smiles: list[str], n: int, folder: Path) -> Path:
    path = folder / f"library{n}.csv"
    with path.open("w") as file:
        file.write("smiles,id\n")
        file.writelines(f"{smiles[i % len(smiles)]},M{i}\n" for i in range(n))
    return path


def panel_of(model: Model, smiles: list[str], n_assays: int) -> Panel:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], SUPPORT // 2)
    chosen = (list(rng.choice(smiles, SUPPORT, replace=False)) for _ in range(n_assays))
    learnt = (FewShotClassifier(model).fit(known, labels) for known in chosen)
    return join([LearntAssay(f"assay {i}", one) for i, one in enumerate(learnt)])


class Bench:
    """One model's figures; all of them best of so many."""

    def __init__(
        self, model: Model, smiles: list[str], n: int, n_assays: int, folder: Path
    ) -> None:
        self.model, self.n, self.folder = model, n, folder
        self.smiles = [smiles[i % len(smiles)] for i in range(n)]
        self.library = open_library(write_library(smiles, n, folder))
        self.one, self.many = (panel_of(model, smiles, k) for k in (1, n_assays))
        self.n_assays = n_assays
        self._n_screened = 0

    def molecules(self, repeats: int) -> None:
        model, n = self.model, self.n
        features = model.featurize(self.smiles)
        read, one_core = "featurize", f"screen, 1 assay, best {TOP}"
        encode, many = "model on ready features, 1 assay", f"the same, {self.n_assays} assays"
        source = MoleculeSource(self.library)
        contestants: dict[str, Callable[[], object]] = {
            "Chem.MolFromSmiles, bare parsing": lambda: list(map(Chem.MolFromSmiles, self.smiles)),
            read: lambda: model.featurize(self.smiles),
            encode: lambda: self.one.score(features),
            one_core: lambda: self._screen(self.one, source),
            many: lambda: self._screen(self.many, source),
        }
        times = measured(contestants, repeats, time.process_time)
        table(times, dict.fromkeys(times, n))
        ideal = times[read] + times[encode]
        bar("one core, of 1 / (t_featurize + t_model)", ideal / times[one_core], 0.9)
        ratio = times[many] / times[one_core]
        bar(f"{self.n_assays} assays instead of 1, × the time", ratio, 1.1, most=True)
        self._two_cores(max(times[read], times[encode]), repeats)

    def _two_cores(self, slower: float, repeats: int) -> None:
        """By the clock; and what two free cores could do by the processes' own times.

        Of a longer library than before, less what a short one takes: processes must start.
        """
        factor = 5
        long = open_library(write_library(self.smiles, factor * self.n, self.folder))
        clocks = (time.perf_counter, time.process_time, own_time_of_children)
        least = {
            library.name: measured_by(clocks, repeats, self._with_workers(library))
            for library in (self.library, long)
        }
        n = (factor - 1) * self.n
        clock, own, workers = (
            (whole - short) / n for short, whole in zip(*least.values(), strict=True)
        )
        print(f"\ntwo workers, by the clock: {1 / clock:,.0f} molecules/s")
        bar("two cores, of the slower stage, by the clock", slower / self.n / clock, 0.8)
        print(f"own time, µs a molecule: program {own * 1e6:.0f}, workers {workers * 1e6:.0f}")
        possible = max(own, (own + workers) / 2)
        bar("the same, were both cores free all the time", slower / self.n / possible, 0.8)

    def _with_workers(self, library: Library) -> Callable[[], None]:
        return lambda: self._screen(self.one, MoleculeSource(library, workers=2))

    def vectors(self, repeats: int) -> None:
        contestants: dict[str, Callable[[], object]] = {}
        features = self.model.featurize(self.smiles)
        vectors = embed(self.model.learner.encoder, features)
        kinds = [False, *([True] if self.model.learner.projects_once else [])]
        for ready in kinds:
            with torch.no_grad():
                values = self.model.learner.matcher.prepare(vectors) if ready else vectors
            for number_format in ("fp32", "bf16"):
                source = self._stored(values.numpy(), number_format, ready)
                what = f"{'projected' if ready else 'the encoder’s'}, {number_format}"
                contestants[f"screen --embeddings ({what})"] = partial(
                    self._screen, self.one, source
                )
            tiled = values.repeat(-(-PART_ROWS // len(values)), 1)[:PART_ROWS]
            contestants[f"comparison alone ({'projected' if ready else 'the encoder’s'})"] = (
                partial(self.one.score_vectors, tiled, ready=ready)
            )
        sizes = {
            name: PART_ROWS if name.startswith("comparison") else N_STORED for name in contestants
        }
        times = measured(contestants, repeats, time.process_time)
        print(f"\nstored vectors, .npy, 1 assay, best {TOP}\n")
        table(times, sizes)
        best = max(sizes[name] / seconds for name, seconds in times.items())
        bar("from stored vectors, million molecules/s a core", best / 1e6, 1.0)

    def _stored(self, values: np.ndarray, number_format: str, ready: bool) -> Source:
        """A file of these vectors, again and again."""

        def parts() -> Iterator[Computed]:
            for number in range(N_STORED // PART_ROWS):
                rows = np.arange(number * PART_ROWS, (number + 1) * PART_ROWS) % len(values)
                part = Part(number, pd.DataFrame(index=rows))
                yield Computed(part, values[rows], [""] * PART_ROWS)

        path = self.folder / f"v.{ready}.{number_format}.npy"
        types: dict[str, pa.DataType] = {}
        write_vectors(parts(), path, self.model, types, number_format, ready=ready)
        return VectorSource(VectorFile.open(path, self.model))

    def _screen(self, panel: Panel, source: Source) -> None:
        self._n_screened += 1
        screen(panel, source, self.folder / f"out{self._n_screened}", top=TOP)


def measured(
    contestants: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float]
) -> dict[str, float]:
    """The shortest time of each, in turn."""
    times = dict.fromkeys(contestants, float("inf"))
    for _ in range(repeats):
        for name, run in contestants.items():
            start = clock()
            run()
            times[name] = min(times[name], clock() - start)
    return times


def measured_by(
    clocks: Sequence[Callable[[], float]], repeats: int, run: Callable[[], object]
) -> list[float]:
    """The shortest time by each clock."""
    times = []
    for _ in range(repeats):
        starts = [clock() for clock in clocks]
        run()
        times.append([clock() - start for clock, start in zip(clocks, starts, strict=True)])
    return np.min(times, 0).tolist()


def own_time_of_children() -> float:
    """Of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(times: dict[str, float], sizes: dict[str, int]) -> None:
    print("| one core | molecules/s | µs a molecule |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {sizes[name] / seconds:,.0f} | {seconds / sizes[name] * 1e6:.2f} |")
    print()


def bar(what: str, found: float, wanted: float, *, most: bool = False) -> None:
    met = found <= wanted if most else found >= wanted
    sign = "≤" if most else "≥"
    print(f"{what}: {found:.2f} (bar {sign} {wanted:g}: {'met' if met else 'MISSED'})", flush=True)


def beside_chemprop(smiles: list[str], n: int, chemprop: Path, folder: Path) -> None:
    """`chemprop predict` and `molmeta screen`, each a D-MPNN of width 300 and depth 3.

    The processes' own time for n molecules less that for a tenth of them: starting falls out.
    """
    size = {"dim": 300, "layers": 3}
    torch.manual_seed(0)
    recipe = resolve_recipe({"encoder": {"name": "dmpnn", **size}, "inner": {"steps": 0}})
    model = Model(build_learner(recipe).eval(), recipe.sections, Path("D-MPNN"))
    panel = panel_of(model, smiles, 1)
    rows = pd.DataFrame({"smiles": smiles[:200], "y": np.arange(200) % 2})
    rows.to_csv(folder / "few.csv", index=False)
    common = ["--accelerator", "cpu", "--num-workers", "0"]
    trained = [
        "-i",
        folder / "few.csv",
        "-o",
        folder / "chemprop",
        "--epochs",
        "1",
        "--warmup-epochs",
        "0",
    ]
    shape = ["--message-hidden-dim", "300", "--depth", "3", "--task-type", "classification"]
    run([chemprop, "train", *trained, *shape, *common])
    (weights,) = folder.glob("chemprop/**/best.pt")
    used: dict[str, list[float]] = {"chemprop predict": [], "molmeta screen": []}
    for size_of in (n // 10, n):
        library = write_library(smiles, size_of, folder)
        predict = ["-i", library, "--model-paths", weights, "-o", folder / f"{size_of}.csv"]
        used["chemprop predict"].append(run([chemprop, "predict", *predict, *common]))
        start = time.process_time()
        source = MoleculeSource(open_library(library))
        screen(panel, source, folder / f"out{size_of}")
        used["molmeta screen"].append(time.process_time() - start)
    n_weights = sum(p.numel() for p in model.learner.encoder.parameters())
    print(f"both of width 300 and depth 3; molmeta's has {n_weights:,} weights\n")
    print("| one core | molecules/s |\n|---|---|")
    rates = {name: (n - n // 10) / (long - short) for name, (short, long) in used.items()}
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.0f} |")
    print(f"\nmolmeta / chemprop: {rates['molmeta screen'] / rates['chemprop predict']:.1f}")


def run(command: list[object]) -> float:
    """Run a program; its own time."""
    before = own_time_of_children()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return own_time_of_children() - before


if __name__ == "__main__":
    main()
