"""The numbers of the gate on known assays, fitted on training assays that pre-training left out.

    python -m benchmarks.gate RUN --train STORE [--assays 900]

RUN knows a share of STORE's assays: a model that `benchmarks/ablations.py` trained, not a shipped
one, which knows all. Support sets of four kinds are made from each of the other assays: *random*
ones (8, 16 and 64 labels); eight *look-alike* actives with eight inactives; *mixed* ones, actives
among molecules of other assays (8 and 16); and *foreign* panels, random sets whose molecules are
recalled, of which the gate is told that none is. Gates of the form that `KnownAssays` has,

    g = least + (1 − least) (1 − (1 − rᵖ)(1 − hᵠ)),  h = ρ / scale, from 0 to 1,

are ordered by mean ΔAUPRC: over sets, over the sizes of a kind, and over the kinds in the balance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.regret import look_alikes
from molmeta.assays import AssayStore
from molmeta.learning import Scorer
from molmeta.metrics import delta_auprc
from molmeta.models import KnownAssays
from molmeta.runs.config import load_config
from molmeta.runs.model import load_model
from molmeta.runs.recipe import resolve_recipe
from molmeta.training.division import divide

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
KINDS = ("random", "look-alike", "mixed", "foreign")
OPEN = np.linspace(0, 1, 11)
"""The values of g at which each set is scored; between them ΔAUPRC is interpolated."""
GRID = tuple(product((0, 0.1, 0.2, 0.3), (2, 4, 8, 16), (0.2, 0.3, 0.4, 0.6), (1, 2, 4, 8)))
"""least, p, scale, q."""
SHIPPED = (0.1, 4, 0.4, 2)
POOL, QUERIES, IS_PANEL = 6_000, 300, 0.75


class Drawn(NamedTuple):
    """A support set, its query, and the labels of both."""

    kind: str
    support: Ints
    labels: Floats
    query: Ints
    actual: Floats


def draw(store: AssayStore, n: int) -> Iterator[Drawn]:
    """Draw random, look-alike and mixed sets of n assays."""
    chance = np.random.default_rng(0)
    others = chance.choice(store.used_molecules(kept=True), POOL, replace=False)
    assays = list(store)
    n_used = 0
    for assay in (assays[i] for i in chance.permutation(len(assays))):
        kept = np.flatnonzero(assay.kept)
        molecules, labels = assay.molecules[kept], assay.labels[kept]
        if min(labels.sum(), (1 - labels).sum()) < 12 or len(labels) < 40:
            continue
        order = chance.permutation(len(labels))
        sizes = [size for size in (8, 16, 64) if len(order) >= size + 24]
        chosen = [("random", order[:size]) for size in sizes]
        chosen.append(("look-alike", look_alikes(store, molecules, labels, chance)))
        for kind, support in chosen:
            query = chance.permutation(np.setdiff1d(order, support))[:QUERIES]
            if len(set(labels[support])) == len(set(labels[query])) == 2:
                sets = molecules[support], labels[support], molecules[query], labels[query]
                yield Drawn(kind, *sets)
        active = chance.permutation(molecules[labels > 0.5])
        for half in (4, 8):
            rest = chance.choice(np.setdiff1d(others, molecules), half + 250, replace=False)
            asked = active[half : half + 60]
            support, query = np.r_[active[:half], rest[:half]], np.r_[asked, rest[half:]]
            labelled = np.repeat([1.0, 0.0], half), np.repeat([1.0, 0.0], [len(asked), 250])
            yield Drawn("mixed", support, labelled[0], query, labelled[1])
        n_used += 1
        if n_used == n:
            return


def collect(run: Path, train: Path, n: int) -> pd.DataFrame:
    """Score each set without known assays and with them; give r, ρ and ΔAUPRC at each g."""
    store, model = AssayStore.open(train), load_model(run)
    left_out = divide(store, resolve_recipe(load_config(run)["recipe"]).pretraining).rest
    scorer, seen, g = Scorer(model.learner, left_out), [0.0, 0.0], [0.0]

    def gate(known: KnownAssays, support: Tensor, visible: Tensor) -> Tensor:
        places = torch.nn.functional.normalize(support[:, : known.rank], dim=-1)
        n = len(support)
        likeness = (places.sum(0).square().sum() - n) / n / (n - 1)
        seen[:] = float(support[:, -1].mean()), float(likeness)
        return torch.full_like(visible[:, :1], g[0])

    KnownAssays._gate = gate  # type: ignore[assignment, method-assign]
    rows = []
    for drawn in draw(left_out, n):
        scores = []
        for g[0] in (0.0, 1.0):
            adapted = scorer.adapt(drawn.support, drawn.labels.astype(np.float32))
            scores.append(scorer.score(adapted, drawn.query))
        mixed = [scores[0] + at * (scores[1] - scores[0]) for at in OPEN]
        size = len(drawn.support)
        gains = [delta_auprc(drawn.actual, each) for each in mixed]
        rows.append((drawn.kind, size, *seen, *gains))
        if drawn.kind == "random" and seen[0] >= IS_PANEL:
            rows.append(("foreign", size, 0.0, seen[1], *gains))
    return pd.DataFrame(rows, columns=["kind", "size", "r", "rho", *OPEN])


def judge(sets: pd.DataFrame, least: float, p: float, scale: float, q: float) -> pd.Series:
    """Give mean ΔAUPRC by kind under one gate."""
    series = (sets["rho"] / scale).clip(0, 1)
    g = least + (1 - least) * (1 - (1 - sets["r"] ** p) * (1 - series**q))
    at = [np.interp(x, OPEN, row) for x, row in zip(g, sets[[*OPEN]].to_numpy(), strict=True)]
    sizes = pd.Series(at).groupby([sets["kind"], sets["size"]]).mean()
    return sizes.groupby("kind").mean()[[*KINDS]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--assays", type=int, default=900)
    given = parser.parse_args()
    sets = collect(given.run, given.train, given.assays)
    print("sets:", sets.groupby(["kind", "size"]).size().to_dict())
    found = {gate: judge(sets, *gate) for gate in GRID}
    always, never = (sets.assign(rho=rho, r=0.0) for rho in (1.0, 0.0))
    for title, balance in (
        ("four kinds alike", (1, 1, 1, 1)),
        ("without foreign panels", (1, 1, 1, 0)),
        ("without mixed sets", (1, 1, 0, 1)),
    ):
        best = max(found, key=lambda gate: float(found[gate] @ np.array(balance)))
        print(f"\n| {title}: least, p, scale, q |", " | ".join(KINDS), "| mean |")
        print("|---" * (2 + len(KINDS)) + "|")
        named = {f"best: {best}": found[best], f"shipped: {SHIPPED}": found[SHIPPED]}
        named |= {"open": judge(always, *SHIPPED), "closed": judge(never, 0, *SHIPPED[1:])}
        for name, means in named.items():
            mean = float(means @ np.array(balance)) / sum(balance)
            print(f"| {name} |", " | ".join(f"{x:.4f}" for x in means), f"| {mean:.4f} |")


if __name__ == "__main__":
    main()
