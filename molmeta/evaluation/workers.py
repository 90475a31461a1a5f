"""Units of an evaluation, one after the other or in worker processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from molmeta.assays.store import AssayStore
from molmeta.evaluation.episodes import Plan, Record, evaluate_assay
from molmeta.evaluation.protocol import Method

Unit = tuple[str, int]
"""An assay's id and a support size."""


def run_units(
    units: Mapping[Unit, Sequence[Method]], store: AssayStore, plan: Plan, workers: int
) -> Iterator[tuple[Unit, dict[str, Record]]]:
    """The records of every unit by method name, in the order in which they get done.

    Args:
        units: What to do, and with which methods.
        store: The assays; workers open it by its path.
        plan: What is the same for all.
        workers: Processes; methods are pickled to each of them once.
    """
    if workers <= 1 or len(units) < 2:
        for (assay_id, size), methods in units.items():
            yield (assay_id, size), evaluate_assay(methods, store, assay_id, size, plan)
        return
    with ProcessPoolExecutor(
        min(workers, len(units)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(store.path, plan, {m.name: m for methods in units.values() for m in methods}),
    ) as pool:
        # Large support sets take longest: they go first.
        futures: dict[Future[dict[str, Record]], Unit] = {
            pool.submit(_work, assay_id, size, [method.name for method in methods]): (
                assay_id,
                size,
            )
            for (assay_id, size), methods in sorted(units.items(), key=lambda item: -item[0][1])
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


_worker: dict[str, Any] = {}


def _begin(path: Path, plan: Plan, methods: dict[str, Method]) -> None:
    # Ctrl-C is the parent's to handle; one thread a process, for they share the cores.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)
    _worker.update(store=AssayStore.open(path), plan=plan, methods=methods)


def _work(assay_id: str, size: int, names: Sequence[str]) -> dict[str, Record]:
    methods = [_worker["methods"][name] for name in names]
    return evaluate_assay(methods, _worker["store"], assay_id, size, _worker["plan"])
