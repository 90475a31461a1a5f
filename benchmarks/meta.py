"""The cost of meta-learning: time of an outer step, as a ratio to supervised training, and memory.

    python benchmarks/meta.py [FILE] [--dims 128,256] [--layers 5] [--repeats 7] [--device cpu]

A step is eight assays of 16 + 32 molecules of FS-Mol's training set. The floor is ordinary
supervised training of the same encoder on the same 384 graphs as one batch: forward, backward,
AdamW. Contestants take turns on one thread and each counts with its best round (time of this
process, not of the clock, unless on an accelerator), so that other load on the machine falls out
as far as it can. Meta-learning's steps include collation, the floor's does not. Peak memory is that
of a step in a process of its own, above what it held before.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from molmeta.assays import AssayStore
from molmeta.episodes.batch import collate
from molmeta.episodes.episode import LabelledSet
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.meta import outer
from molmeta.meta.outer import accumulate_gradients
from molmeta.meta.recipe import build_learner, resolve_recipe
from molmeta.meta.trainer import Trainer

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "train.csv.gz"
N_ASSAYS, N_SUPPORT, N_QUERY = 8, 16, 32
MATCHING, LINEAR = {"name": "matching"}, {"name": "linear"}
ALL = {"adapt": "all"}
RECIPES: dict[str, dict[str, Any]] = {
    "first order": {"head": MATCHING, "inner": {"order": 1}, "learner": ALL},
    "second order": {"head": MATCHING, "inner": {"order": 2}, "learner": ALL},
    "first order, linear": {"head": LINEAR, "inner": {"order": 1}, "learner": ALL},
    "second order, linear": {"head": LINEAR, "inner": {"order": 2}, "learner": ALL},
    "second order, recomputed": {"head": MATCHING, "inner": {"recompute": True}, "learner": ALL},
    "second order, bf16": {"head": MATCHING, "learner": {**ALL, "bf16": True}},
    "above the encoder (default)": {"head": MATCHING, "learner": {"adapt": "above"}},
    "ANIL": {"head": {**LINEAR, "start": "prototypes"}, "learner": {"adapt": "head"}},
    "matching alone": {"head": MATCHING, "inner": {"steps": 0}},
}
FLOOR, CHUNKED = "supervised, one batch", "supervised, 8 batches of 48"
M_MMAP_THRESHOLD = -3  # of glibc's mallopt
Step = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="a table as FS-Mol's")
    parser.add_argument("--dims", default="128,256", help="widths of the encoder")
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(arguments.device)
    dims = [int(dim) for dim in arguments.dims.split(",")]
    store = read_store(arguments.file)
    for dim in dims:
        compare(store, dim, arguments, device)
        compare_trainer(store, dim, arguments.layers, arguments.repeats, device)


def read_store(file: Path, n_assays: int = 40) -> AssayStore:
    """Some of the assays that are large enough."""
    table = pd.read_csv(file, usecols=["assay_id", "smiles", "active"])
    table = table.set_axis(["assay", "smiles", "label"], axis=1)
    sizes = table.groupby("assay")["label"].agg(["size", "sum"])
    large = (sizes["size"] >= 80) & (sizes["size"] <= 400) & (sizes["sum"] / sizes["size"] > 0.2)
    chosen = sizes[large].sample(n_assays, random_state=0).index
    return AssayStore.from_frame(table[table["assay"].isin(chosen)])


def contestants(
    store: AssayStore, dim: int, layers: int, device: torch.device
) -> dict[str, Callable[[], Step]]:
    """What builds each contestant's outer step, the floor first."""
    sampler = EpisodeSampler(store, (N_SUPPORT,), N_QUERY, seed=0)
    draws = [sampler.draw(0, slot) for slot in range(N_ASSAYS)]
    rows = [np.concatenate([draw.support, draw.query]) for _, draw in draws]
    parts = [
        LabelledSet(
            collate(store.graphs, assay.molecules[own], device),
            torch.from_numpy(assay.labels[own]).to(device),
        )
        for (assay, _), own in zip(draws, rows, strict=True)
    ]
    molecules = np.concatenate(
        [assay.molecules[own] for (assay, _), own in zip(draws, rows, strict=True)]
    )
    whole = LabelledSet(
        collate(store.graphs, molecules, device), torch.cat([part.labels for part in parts])
    )
    encoder = {"name": "gine", "dim": dim, "layers": layers}
    return {
        FLOOR: lambda: supervised_step(encoder, [whole], device),
        CHUNKED: lambda: supervised_step(encoder, parts, device),
        **{
            name: lambda recipe=recipe: meta_step(
                {"encoder": encoder, **recipe}, Recorded(store, [draws]), device
            )
            for name, recipe in RECIPES.items()
            if device.type != "cpu" or "bf16" not in name  # emulated: minutes a step
        },
    }


def supervised_step(
    encoder: dict[str, Any], batches: list[LabelledSet], device: torch.device
) -> Step:
    torch.manual_seed(0)
    learner = build_learner(resolve_recipe({"encoder": encoder, "head": LINEAR}))
    model = nn.Sequential(learner.encoder, learner.above.projection, nn.Linear(128, 1)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        for batch in batches:
            scores = model(batch.molecules).squeeze(-1)
            loss = functional.binary_cross_entropy_with_logits(scores, batch.labels)
            (loss / len(batches)).backward()
        optimizer.step()

    return step


class Recorded:
    """A sampler that gives the same draws again, without the time of drawing."""

    seed = 0

    def __init__(self, store: AssayStore, draws: list[list[Any]]) -> None:
        self.store = store
        self.draws = draws

    def draw(self, step: int, slot: int) -> Any:
        return self.draws[step % len(self.draws)][slot]


def meta_step(recipe: dict[str, Any], sampler: Recorded, device: torch.device) -> Step:
    torch.manual_seed(0)
    learner = build_learner(resolve_recipe(recipe)).to(device).train()
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3e-4, fused=True)
    steps = itertools.count()

    def step() -> None:
        optimizer.zero_grad()
        accumulate_gradients(
            learner,
            sampler,
            step=next(steps),
            slots=range(N_ASSAYS),
            n_slots=N_ASSAYS,
            progress=1.0,
        )
        optimizer.step()

    return step


def seconds(step: Step, device: torch.device) -> float:
    if device.type != "cuda":
        start = time.process_time()
        step()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    step()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def compare(
    store: AssayStore, dim: int, arguments: argparse.Namespace, device: torch.device
) -> None:
    makers = contestants(store, dim, arguments.layers, device)
    steps = {name: make() for name, make in makers.items()}
    for step in steps.values():
        step()
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(arguments.repeats):
        for name, step in steps.items():
            best[name] = min(best[name], seconds(step, device))
    print(f"\nGINE {arguments.layers} × {dim}, {device.type}, best of {arguments.repeats}\n")
    print("| one outer step | ms | × one batch | × 8 batches | peak memory, MB |")
    print("|---|---|---|---|---|")
    for name, time_ in best.items():
        megabytes = peak_memory(makers[name], device)
        print(
            f"| {name} | {time_ * 1e3:.0f} | {time_ / best[FLOOR]:.2f} | "
            f"{time_ / best[CHUNKED]:.2f} | {megabytes:.0f} |",
            flush=True,
        )


def peak_memory(make_step: Callable[[], Step], device: torch.device) -> float:
    """Megabytes of a step above what was held before it."""
    if device.type == "cuda":
        step = make_step()
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        step()
        return (torch.cuda.max_memory_allocated(device) - held) / 1e6
    fork = multiprocessing.get_context("fork")
    received, sent = fork.Pipe(duplex=False)
    process = fork.Process(target=lambda: sent.send(resident_peak(make_step())))
    process.start()
    megabytes: float = received.recv()
    process.join()
    return megabytes


def resident_peak(step: Step) -> float:
    # Large blocks go back to the system when they are freed, so that the peak is the program's.
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_THRESHOLD, 1 << 16)
    libc.malloc_trim(0)
    held = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    step()
    return memory("VmHWM") - held


def memory(field: str) -> float:
    """Megabytes, as Linux tells them."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def compare_trainer(
    store: AssayStore, dim: int, layers: int, repeats: int, device: torch.device
) -> None:
    """The trainer's step against its learning alone, on the same episodes in turns."""
    n_steps = 10
    settings = {
        "assays_per_step": N_ASSAYS, "support_sizes": [N_SUPPORT], "query_size": N_QUERY,
        "log_every": 5,
    }  # fmt: skip
    encoder = {"name": "gine", "dim": dim, "layers": layers}

    def train(steps: int) -> float:
        training = {**settings, "steps": steps}
        recipe = resolve_recipe({"encoder": encoder, "training": training})
        with tempfile.TemporaryDirectory() as run:
            learner = build_learner(recipe).to(device)
            trainer = Trainer(learner, store, None, Path(run), **recipe["training"])
            return seconds(trainer.run, device)

    sampler = EpisodeSampler(store, (N_SUPPORT,), N_QUERY, seed=0)
    draws = [[sampler.draw(step, slot) for slot in range(N_ASSAYS)] for step in range(n_steps)]
    learn = meta_step({"encoder": encoder}, Recorded(store, draws), device)
    short, long, bare, collated, collate_all = [], [], [], {}, outer.batches

    def batches(*arguments: Any) -> list[Any]:
        """The trainer's own batches, each collated once."""
        key = arguments[2].tobytes()
        if key not in collated:
            collated[key] = list(collate_all(*arguments))
        return collated[key]

    for _ in range(max(3, repeats // 2)):
        short.append(train(n_steps))
        long.append(train(2 * n_steps))
        with mock.patch.object(outer, "batches", batches):
            bare.append(seconds(lambda: [learn() for _ in range(n_steps)], device))
    whole = min(long) - min(short)  # a run saves its state at its end, which falls out
    overhead = 1 - min(bare[1:]) / whole  # the first round collated
    step_ms = whole / n_steps * 1e3
    print(f"\nThe trainer's own part of a step, default recipe: {overhead:.1%} of {step_ms:.0f} ms")
    print("(sampling, collation, clipping, averaging and logging; not validation and saving)")


if __name__ == "__main__":
    main()
