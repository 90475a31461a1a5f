"""Worker processes of an evaluation, which compute its units."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from molmeta.assays.store import AssayStore
from molmeta.chem.features import FEATURES, Matrix
from molmeta.evaluation.episodes import Plan, Record, evaluate_assay
from molmeta.evaluation.protocol import Method

Unit = tuple[str, int]
"""An assay's id and a support size."""


def run_units(
    units: Mapping[Unit, Sequence[Method]], store: AssayStore, plan: Plan, workers: int
) -> Iterator[tuple[Unit, dict[str, Record]]]:
    """Compute the records of every unit by method name, as they get done.

    Args:
        units: What to do, and with which methods.
        store: The assays; workers open it by its path.
        plan: What is the same for all.
        workers: Processes; methods are pickled to each of them once. All sizes of an assay go to
            the same one, which embeds its molecules once.
    """
    sizes: dict[str, list[int]] = {}
    for assay_id, size in units:
        sizes.setdefault(assay_id, []).append(size)
    if workers <= 1 or len(sizes) < 2:
        for (assay_id, size), given in units.items():
            yield (assay_id, size), evaluate_assay(given, store, assay_id, size, plan)
        return
    methods = {method.name: method for some in units.values() for method in some}
    with ProcessPoolExecutor(
        min(workers, len(sizes)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(store.path, _features(methods.values(), store), plan, methods),
    ) as pool:
        # Large assays take longest: they go first.
        largest = sorted(sizes, key=lambda assay_id: -len(store.assay(assay_id)))
        futures = [
            pool.submit(_work, {(name, n): [m.name for m in units[name, n]] for n in sizes[name]})
            for name in largest
        ]
        try:
            for future in as_completed(futures):
                yield from future.result().items()
        finally:
            pool.shutdown(cancel_futures=True)


def _features(methods: Iterable[Method], store: AssayStore) -> dict[str, Matrix]:
    """Compute the features that the methods read and the store's folder lacks."""
    read = {name for method in methods for name in method.reads}
    return {
        name: store.feature(name) for name in FEATURES if name in read and not store.holds(name)
    }


_worker: dict[str, Any] = {}


def end_with_parent() -> None:
    """End this process when its parent does: a pool does not notice a killed parent."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _begin(
    path: Path, features: Mapping[str, Matrix], plan: Plan, methods: dict[str, Method]
) -> None:
    end_with_parent()
    # Ctrl-C is the parent's to handle; one thread a process, for they share the cores.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)
    store = AssayStore.open(path)
    store.features.update(features)
    _worker.update(store=store, plan=plan, methods=methods)


def _work(units: Mapping[Unit, Sequence[str]]) -> dict[Unit, dict[str, Record]]:
    done = {}
    for (assay_id, size), names in units.items():
        methods = [_worker["methods"][name] for name in names]
        done[assay_id, size] = evaluate_assay(
            methods, _worker["store"], assay_id, size, _worker["plan"]
        )
    return done
