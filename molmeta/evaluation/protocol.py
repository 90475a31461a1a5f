"""Methods, which score molecules, and protocols, which draw support and query sets.

A method is handed the support set's labels and the query set's molecules, never a query label.
"""

import typing
from collections.abc import Callable, Collection
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from molmeta.assays.record import AssayRecord
from molmeta.assays.scaffolds import scaffold_numbers
from molmeta.assays.store import Assay, AssayStore
from molmeta.config import unknown
from molmeta.episodes.draw import Draw, balanced, grouped, stratified, uniform

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.float32]
Task = Literal["classification", "regression"]
Scale = Literal["probability", "log_odds", "ranking", "value"]
COVERAGE = 0.8
"""The share of values that central intervals of a regression method should hold."""

Drawing = Callable[[AssayStore, Assay, Task, int, int], Draw]


class Method(typing.Protocol):
    """A model or a baseline: it learns from a support set and scores molecules.

    >>> from molmeta.assays import drug_mechanisms
    >>> from molmeta.evaluation import evaluate
    >>> class Smallest:
    ...     name, scale, fingerprint, training, reads = "smallest", "ranking", "1", None, ()
    ...
    ...     def scores(self, store, support, labels, query):
    ...         return -np.array([len(store.smiles[number]) for number in query], dtype=float)
    >>> results = evaluate([Smallest()], AssayStore.from_frame(drug_mechanisms("valid")), draws=1)
    >>> results.summary["method"].tolist()
    ['smallest']
    """

    @property
    def name(self) -> str:
        """Name the method, for tables."""

    @property
    def scale(self) -> Scale:
        """Name the kind of its scores; `ranking` is an order alone, `value` is regression."""

    @property
    def fingerprint(self) -> str:
        """Name all that its scores depend on beside the assay: results are kept under it."""

    @property
    def training(self) -> AssayRecord | None:
        """Record the training assays, to be compared with the test assays; None for none."""

    @property
    def reads(self) -> Collection[str]:
        """Name the features it reads: some of `graphs`, `fingerprints`, `pairs`, `descriptors`."""

    def scores(self, store: AssayStore, support: Ints, labels: Labels, query: Ints) -> Floats:
        """Learn from the support set and score the query.

        Args:
            store: Where the molecules are.
            support: Molecules, shape (s,), as indices into the store.
            labels: Of the support set, shape (s,), 1 active, 0 inactive, or between where they are
                graded by values (active above ½); values in regression.
            query: Molecules, shape (q,).

        Returns:
            A finite score a query, shape (q,); higher means more active. A method of values may
            give a distribution instead, (q, 3): location, scale and degrees of freedom of
            Student's t, infinite for a normal one.
        """


def fsmol(store: AssayStore, assay: Assay, task: Task, size: int, seed: int) -> Draw:
    """Draw by FS-Mol's protocol: every labelled row, repeats and unparsable ones included."""
    rows = np.flatnonzero(_known(assay, task))
    return _among(rows, stratified(assay.labels[rows], size, seed))


def _curated(
    draw: Callable[[Labels, int, int], Draw],
    store: AssayStore,
    assay: Assay,
    task: Task,
    size: int,
    seed: int,
) -> Draw:
    """Draw curated rows: one row a molecule, so that support and query share none."""
    rows = np.flatnonzero(_known(assay, task) & assay.kept)
    return _among(rows, draw(assay.labels[rows], size, seed))


def _scaffold(store: AssayStore, assay: Assay, task: Task, size: int, seed: int) -> Draw:
    """Draw curated rows, where support and query share no Murcko scaffold either."""
    rows = np.flatnonzero(_known(assay, task) & assay.kept)
    groups = scaffold_numbers(store, assay.molecules[rows])
    return _among(rows, grouped(assay.labels[rows], groups, size, seed))


PROTOCOLS: dict[str, Drawing] = {
    "fsmol": fsmol,
    # MoleculeNet few-shot: the size is K molecules *per class*, the query all that is left.
    "moleculenet": partial(_curated, balanced),
    "stratified": partial(_curated, stratified),
    "random": partial(_curated, uniform),
    "balanced": partial(_curated, lambda labels, size, seed: balanced(labels, size // 2, seed)),
    "scaffold": _scaffold,
}
"""How episodes are drawn, by the name of the protocol."""


def find_protocol(name: str) -> Drawing:
    """Find the protocol of that name.

    >>> from molmeta.assays import drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> draw = find_protocol("balanced")(store, store.assay(0), "classification", 8, 0)
    >>> store.assay(0).labels[draw.support].mean().item()
    0.5

    Raises:
        InputError: If there is none.
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def find_task(name: str) -> Task:
    """Find the task of that name.

    >>> find_task("regression")
    'regression'

    Raises:
        InputError: If there is none.
    """
    if name not in typing.get_args(Task):
        raise unknown("task", name, typing.get_args(Task))
    return typing.cast(Task, name)


def _known(assay: Assay, task: Task) -> NDArray[np.bool_]:
    """Find rows whose label is known, and in regression the value too."""
    known = ~np.isnan(assay.labels)
    return known & ~np.isnan(assay.values) if task == "regression" else known


def _among(rows: Ints, draw: Draw) -> Draw:
    return Draw(rows[draw.support], rows[draw.query])
