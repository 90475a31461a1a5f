"""The cost of meta-learning: time of an outer step, as a ratio to supervised training, and memory.

    python benchmarks/meta.py [FILE] [--dims 128,256] [--layers 5] [--assays 8] [--repeats 7]
                              [--device cpu]

A step is eight assays of 16 + 32 molecules of FS-Mol's training set. The floor is ordinary
supervised training of the same encoder on the same 384 graphs as one batch: forward, backward,
AdamW. The same in those batches that MAML of every weight reads with a matching head, the support
sets differentiated twice for second order, is what these recipes cannot fall below. Contestants
take turns on one thread and each counts with its best round (time of this process, not of the
clock, unless on an accelerator), so that other load on the machine falls out as far as it can.
Meta-learning's steps include collation, the floor's does not. Peak memory is that of a step in a
process of its own, above what it held before. An accelerator is busy while a kernel runs, as a step
of its own is profiled, here as a share of the best round's time.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest import mock

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from molmeta.assays import AssayStore
from molmeta.episodes.batch import collate, make_episode
from molmeta.episodes.episode import LabelledSet
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.learning import embed as embedding
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.training import gradients as outer
from molmeta.training.gradients import accumulate_gradients
from molmeta.training.metatrain import MetaTrainer, make_sampler
from molmeta.training.validation import Validation

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol" / "train.csv.gz"
N_SUPPORT, N_QUERY = 16, 32
MATCHING, LINEAR = {"name": "matching"}, {"name": "linear"}
ALL = {"adapt": "all"}
RECIPES: dict[str, dict[str, Any]] = {
    "first order": {"head": MATCHING, "inner": {"order": 1}, "learner": ALL},
    "second order": {"head": MATCHING, "inner": {"order": 2}, "learner": ALL},
    "first order, linear": {"head": LINEAR, "inner": {"order": 1}, "learner": ALL},
    "second order, linear": {"head": LINEAR, "inner": {"order": 2}, "learner": ALL},
    "second order, bf16": {"head": MATCHING, "learner": {**ALL, "bf16": True}},
    "the matcher (default)": {"head": MATCHING, "learner": {"adapt": "matcher"}},
    "ANIL": {"head": {**LINEAR, "start": "prototypes"}, "learner": {"adapt": "head"}},
    "matching alone": {"head": MATCHING, "inner": {"steps": 0}},
}
FLOOR, CHUNKED = "supervised, one batch", f"supervised, batches of {N_SUPPORT + N_QUERY}"
PASSES = f"supervised, batches of {N_SUPPORT} and of {N_SUPPORT + N_QUERY}"
TWICE = f"{PASSES}, the former differentiated twice"
M_MMAP_THRESHOLD = -3  # of glibc's mallopt
Step = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=DATA, help="a table as FS-Mol's")
    parser.add_argument("--dims", default="128,256", help="widths of the encoder")
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--assays", type=int, default=8, help="assays a step")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(arguments.device)
    dims = [int(dim) for dim in arguments.dims.split(",")]
    store = read_store(arguments.file)
    if device.type == "cuda":
        print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}")
    for dim in dims:
        compare(store, dim, arguments, device)
        compare_trainer(store, dim, arguments, device)


def read_store(file: Path, n_assays: int = 40) -> AssayStore:
    """Some of the assays that are large enough."""
    table = pd.read_csv(file, usecols=["assay_id", "smiles", "active"])
    table = table.set_axis(["assay", "smiles", "label"], axis=1)
    sizes = table.groupby("assay")["label"].agg(["size", "sum"])
    large = (sizes["size"] >= 80) & (sizes["size"] <= 400) & (sizes["sum"] / sizes["size"] > 0.2)
    chosen = sizes[large].sample(n_assays, random_state=0).index
    return AssayStore.from_frame(table[table["assay"].isin(chosen)])


def contestants(
    store: AssayStore, dim: int, layers: int, n_assays: int, device: torch.device
) -> dict[str, Callable[[], Step]]:
    """What builds each contestant's outer step, the floor first."""
    sampler = EpisodeSampler(store, (N_SUPPORT,), N_QUERY, seed=0)
    draws = [sampler.draw(0, slot) for slot in range(n_assays)]
    episodes = [make_episode(store, assay, draw, device=device) for assay, draw in draws]
    supports = [episode.support for episode in episodes]
    parts = [
        LabelledSet(episode.joint, torch.cat([episode.support.labels, episode.query.labels]))
        for episode in episodes
    ]
    molecules = [assay.molecules[np.concatenate([d.support, d.query])] for assay, d in draws]
    whole = LabelledSet(
        collate(store.graphs, np.concatenate(molecules), device),
        torch.cat([part.labels for part in parts]),
    )
    encoder = {"name": "gine", "dim": dim, "layers": layers}
    return {
        FLOOR: lambda: supervised_step(encoder, [whole], device),
        CHUNKED: lambda: supervised_step(encoder, parts, device),
        PASSES: lambda: supervised_step(encoder, supports + parts, device),
        TWICE: lambda: supervised_step(encoder, parts, device, twice=supports),
        **{
            name: partial(
                meta_step, {"encoder": encoder, **recipe}, Recorded(store, [draws]), device
            )
            for name, recipe in RECIPES.items()
            if device.type != "cpu" or "bf16" not in name  # emulated: minutes a step
        },
    }


def supervised_step(
    encoder: dict[str, Any],
    batches: list[LabelledSet],
    device: torch.device,
    twice: Sequence[LabelledSet] = (),
) -> Step:
    """A step on batches, before which the gradient on others is differentiated as well."""
    torch.manual_seed(0)
    learner = build_learner(resolve_recipe({"encoder": encoder, "head": LINEAR}))
    model = nn.Sequential(learner.encoder, learner.matcher.projection, nn.Linear(128, 1)).to(device)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=3e-4, fused=True)

    def loss(batch: LabelledSet) -> torch.Tensor:
        scores = model(batch.molecules).squeeze(-1)
        return functional.binary_cross_entropy_with_logits(scores, batch.labels)

    def step() -> None:
        optimizer.zero_grad()
        for batch in twice:
            gradients = torch.autograd.grad(loss(batch), parameters, create_graph=True)
            torch.autograd.backward(gradients, [value.detach() for value in parameters])
        for batch in batches:
            (loss(batch) / len(batches)).backward()
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
    steps, n_slots = itertools.count(), len(sampler.draws[0])

    def step() -> None:
        optimizer.zero_grad()
        accumulate_gradients(
            learner,
            cast(EpisodeSampler, sampler),
            step=next(steps),
            slots=range(n_slots),
            n_slots=n_slots,
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
    layers, repeats = arguments.layers, arguments.repeats
    makers = contestants(store, dim, layers, arguments.assays, device)
    steps = {name: step for name, make in makers.items() if (step := started(name, make))}
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(repeats):
        for name, step in steps.items():
            best[name] = min(best[name], seconds(step, device))
    print(f"\nGINE {layers} × {dim}, {arguments.assays} assays, {device.type}, best of {repeats}\n")
    print("| one outer step | ms | × one batch | × batches | peak memory, MB | device busy |")
    print("|---|---|---|---|---|---|")
    for name, time_ in best.items():
        megabytes = peak_memory(makers[name], device)
        share = f"{busy_seconds(steps[name], device) / time_:.0%}" if device.type == "cuda" else "–"
        print(
            f"| {name} | {time_ * 1e3:.0f} | {time_ / best[FLOOR]:.2f} | "
            f"{time_ / best[CHUNKED]:.2f} | {megabytes:.0f} | {share} |",
            flush=True,
        )


def started(name: str, make_step: Callable[[], Step]) -> Step | None:
    """A contestant after its first step; None, with the reason printed, if it cannot take one.

    An accelerator's time is dear: one that fails there does not end the others.
    """
    try:
        step = make_step()
        step()
    except RuntimeError as error:
        print(f"{name} failed: {error}", flush=True)
        return None
    return step


def busy_seconds(step: Step, device: torch.device) -> float:
    """How long kernels run in a step."""
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        step()
        torch.cuda.synchronize(device)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(file))
        return kernel_seconds(json.loads(file.read_text(encoding="utf-8"))["traceEvents"])


def kernel_seconds(events: list[dict[str, Any]]) -> float:
    """The time in which a kernel of a trace runs, or several: the union of their intervals."""
    spans = sorted(
        (event["ts"], event["ts"] + event["dur"])
        for event in events
        if event.get("cat") == "kernel" and event.get("ph") == "X"
    )
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(end, until) - max(start, until)
        until = max(end, until)
    return total / 1e6


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
    store: AssayStore, dim: int, arguments: argparse.Namespace, device: torch.device
) -> None:
    """The trainer's step against its learning alone, on the same episodes in turns."""
    n_steps, n_assays = 10, arguments.assays
    settings = {
        "assays_per_step": n_assays, "support_sizes": [N_SUPPORT], "query_size": N_QUERY,
        "log_every": 5,
    }  # fmt: skip
    encoder = {"name": "gine", "dim": dim, "layers": arguments.layers}

    def train(steps: int) -> float:
        training = {**settings, "steps": steps}
        recipe = resolve_recipe({"encoder": encoder, "training": training})
        with tempfile.TemporaryDirectory() as run:
            learner = build_learner(recipe).to(device)
            episodes = make_sampler(store, recipe.training)
            trainer = MetaTrainer(
                learner, episodes, Validation(None, recipe.training), Path(run), recipe.training
            )
            return seconds(trainer.run, device)

    sampler = EpisodeSampler(store, (N_SUPPORT,), N_QUERY, seed=0)
    # The longer run's later steps: what it takes beyond the shorter one.
    steps = range(n_steps, 2 * n_steps)
    draws = [[sampler.draw(step, slot) for slot in range(n_assays)] for step in steps]
    learn = meta_step({"encoder": encoder}, Recorded(store, draws), device)
    short, long, bare = [], [], []
    collated: dict[bytes, list[Any]] = {}
    collate_all = embedding.batches

    def batches(*arguments: Any) -> list[Any]:
        """The trainer's own batches, each collated once."""
        key = arguments[2].tobytes()
        if key not in collated:
            collated[key] = list(collate_all(*arguments))
        return collated[key]

    def learn_all() -> None:
        for _ in range(n_steps):
            learn()

    for _ in range(max(3, arguments.repeats // 2)):
        short.append(train(n_steps))
        long.append(train(2 * n_steps))
        with mock.patch.object(outer, "batches", batches):
            bare.append(seconds(learn_all, device))
    whole = min(long) - min(short)  # a run saves its state at its end, which falls out
    overhead = 1 - min(bare[1:]) / whole  # the first round collated
    step_ms = whole / n_steps * 1e3
    print(f"\nThe trainer's own part of a step, default recipe: {overhead:.1%} of {step_ms:.0f} ms")
    print("(sampling, collation, clipping, averaging and logging; not validation and saving)")


if __name__ == "__main__":
    main()
