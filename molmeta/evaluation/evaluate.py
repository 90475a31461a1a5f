"""The evaluation: methods × assays × support sizes × draws, in parallel, resumable."""

from __future__ import annotations

import multiprocessing
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rdkit
import sklearn
from threadpoolctl import threadpool_limits

from molmeta import __version__
from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.evaluation.episodes import Plan, Record, evaluate_assay
from molmeta.evaluation.journal import Journal, assay_hash, key_of
from molmeta.evaluation.leakage import COLUMNS as LEAKAGE_COLUMNS
from molmeta.evaluation.leakage import overlap
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.protocol import Method, Task, find_protocol
from molmeta.evaluation.results import (
    DRAW_COLUMNS,
    INFO,
    JOURNAL,
    SKIPPED_COLUMNS,
    Results,
    summarize,
)
from molmeta.evaluation.statistics import molecule_set_clusters

Unit = tuple[str, int]
_CALIBRATION = ["method", "support_size", "bin", "n", "probability", "active"]


def evaluate(
    methods: Sequence[Method],
    store: AssayStore,
    *,
    protocol: str = "fsmol",
    support_sizes: Sequence[int] = (16,),
    draws: int = 10,
    task: Task = "classification",
    out: Path | None = None,
    target_classes: Mapping[str, str] | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Results:
    """Evaluate methods on assays.

    Args:
        methods: Models and baselines, under distinct names.
        store: The test assays.
        protocol: How support and query sets are drawn; a name of `PROTOCOLS`.
        support_sizes: Molecules of the support set; with `moleculenet`, of each class.
        draws: Draws an assay and size, seeds 0, 1, …
        task: What is predicted; regression takes methods whose scale is `value`.
        out: Folder for the tables. What an earlier evaluation in it has done is not done again.
        target_classes: Assay id → class, for means by class.
        workers: Processes, each with assays of its own.
        progress: Called with the numbers of finished and of all (assay, size) units.

    Raises:
        InputError: If nothing can be evaluated as asked.
    """
    _check(methods, store, protocol, support_sizes, task, out)
    plan = Plan(protocol, draws, task)
    units = [
        (assay_id, size) for size in sorted(set(support_sizes)) for assay_id in store.assay_ids
    ]
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    journal = Journal(None if out is None else out / JOURNAL)
    hashes = {assay_id: assay_hash(store, store.assay(assay_id)) for assay_id in store.assay_ids}
    keys = {
        (assay_id, size, method.name): key_of(
            __version__, protocol, draws, task, size, hashes[assay_id], method.fingerprint
        )
        for assay_id, size in units
        for method in methods
    }
    missing = {
        unit: todo
        for unit in units
        if (todo := [m for m in methods if keys[*unit, m.name] not in journal])
    }
    progress(len(units) - len(missing), len(units))
    for n_done, (unit, records) in enumerate(_run(missing, store, plan, workers), 1):
        journal.add({keys[*unit, name]: record for name, record in records.items()})
        progress(len(units) - len(missing) + n_done, len(units))
    records = {place: journal[key] for place, key in keys.items()}
    assays = _assay_table(store, target_classes)
    info = _info(methods, plan, support_sizes, store, hashes)
    results = _collect(records, methods, store, assays, info)
    if not len(results.results):
        raise InputError.of(
            f"evaluation of {len(store)} assays at support sizes {sorted(set(support_sizes))}",
            got=f"no draw that can be made (the first: {results.skipped['reason'].iloc[0]})",
            expected="at least one assay with enough molecules of both classes",
            fix="Use smaller support sizes.",
        )
    if out is not None:
        results.write(out)
    return results


def _check(
    methods: Sequence[Method],
    store: AssayStore,
    protocol: str,
    support_sizes: Sequence[int],
    task: Task,
    out: Path | None,
) -> None:
    find_protocol(protocol)
    names = [method.name for method in methods]
    if not names or len(set(names)) < len(names):
        raise InputError.of(
            "methods", got=names or "none", expected="one or more, of distinct names"
        )
    if not len(store):
        raise InputError.of("test assays", got="none", expected="at least one")
    if not support_sizes or min(support_sizes) < 1:
        raise InputError.of(
            "support sizes", got=list(support_sizes), expected="one or more positive numbers"
        )
    unfit = [m.name for m in methods if (m.scale == "value") != (task == "regression")]
    if unfit:
        raise InputError.of(
            f"methods for {task}", got=", ".join(unfit), expected=f"methods that do {task}"
        )
    if out is not None and out.exists():
        ours = out.is_dir() and ((out / JOURNAL).exists() or not any(out.iterdir()))
        if not ours:
            raise InputError.of(
                f"output {out}",
                got="something that no evaluation wrote",
                expected="a new or empty folder, or that of an earlier evaluation",
            )


def _run(
    missing: Mapping[Unit, Sequence[Method]], store: AssayStore, plan: Plan, workers: int
) -> Iterator[tuple[Unit, dict[str, Record]]]:
    """The records of every unit, in the order in which they get done."""
    if workers <= 1 or len(missing) < 2:
        for (assay_id, size), methods in missing.items():
            yield (assay_id, size), evaluate_assay(methods, store, assay_id, size, plan)
        return
    with ProcessPoolExecutor(
        min(workers, len(missing)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
        initargs=(store.path, plan, {m.name: m for todo in missing.values() for m in todo}),
    ) as pool:
        # Large support sets take longest: they go first.
        futures = {
            pool.submit(_work, *unit, [method.name for method in missing[unit]]): unit
            for unit in reversed(missing)
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_worker: dict[str, Any] = {}


def _begin_worker(path: Path, plan: Plan, methods: dict[str, Method]) -> None:
    threadpool_limits(1)
    _worker.update(store=AssayStore.open(path), plan=plan, methods=methods)


def _work(assay_id: str, size: int, names: Sequence[str]) -> dict[str, Record]:
    methods = [_worker["methods"][name] for name in names]
    return evaluate_assay(methods, _worker["store"], assay_id, size, _worker["plan"])


def _assay_table(store: AssayStore, target_classes: Mapping[str, str] | None) -> pd.DataFrame:
    clusters = molecule_set_clusters(store)
    classes = target_classes or {}
    return pd.DataFrame(
        {
            "assay_id": store.assay_ids,
            "cluster": [clusters[assay_id] for assay_id in store.assay_ids],
            "target_class": [classes.get(assay_id) for assay_id in store.assay_ids],
        }
    )


def _collect(
    records: Mapping[tuple[str, int, str], Record],
    methods: Sequence[Method],
    store: AssayStore,
    assays: pd.DataFrame,
    info: dict[str, Any],
) -> Results:
    task: Task = info["task"]
    draws, skipped, examples = [], {}, []
    calibration: dict[tuple[str, int], Any] = {}
    for (assay_id, size, name), record in records.items():
        place = {"assay_id": assay_id, "method": name, "support_size": size}
        draws += [place | row for row in record["rows"]]
        for miss in record["skipped"]:
            skipped[assay_id, size, miss["seed"]] = miss["reason"]
        if record["calibration"] is not None:
            bins = np.asarray(record["calibration"])
            calibration[name, size] = calibration.get((name, size), 0.0) + bins
        if record["example"] is not None:
            examples.append(place | record["example"])
    results = pd.DataFrame(draws, columns=[*DRAW_COLUMNS, *METRICS[task]])
    missed = pd.DataFrame([(*key, why) for key, why in skipped.items()], columns=SKIPPED_COLUMNS)
    leakage = _leakage(methods, store)
    by_class = ("method", "support_size", "target_class")
    return Results(
        results=results,
        summary=_with_leakage(summarize(results, assays, missed, task), leakage),
        classes=summarize(results, assays, missed, task, by_class),
        skipped=missed,
        assays=assays,
        leakage=leakage,
        calibration=pd.DataFrame(
            [
                (name, size, number, *bins[:, number])
                for (name, size), bins in calibration.items()
                for number in range(bins.shape[1])
            ],
            columns=_CALIBRATION,
        ),
        info=info,
        examples=examples,
    )


def _leakage(methods: Sequence[Method], store: AssayStore) -> pd.DataFrame:
    parts = [
        overlap(method.training, store).assign(method=method.name)
        for method in methods
        if method.training is not None
    ]
    empty = pd.DataFrame(columns=list(LEAKAGE_COLUMNS))
    return pd.concat(parts)[list(LEAKAGE_COLUMNS)] if parts else empty


def _with_leakage(summary: pd.DataFrame, leakage: pd.DataFrame) -> pd.DataFrame:
    """Beside every mean, how many test assays and which part of their molecules were trained on."""
    if not len(summary):
        return summary
    seen = leakage.groupby("method").agg({"seen_assay": "sum", "seen_molecules": "mean"})
    return summary.assign(
        n_seen_assays=summary["method"].map(seen["seen_assay"]).fillna(0).astype(int),
        seen_molecules=summary["method"].map(seen["seen_molecules"]).fillna(0.0).astype(float),
    )


def _info(
    methods: Sequence[Method],
    plan: Plan,
    support_sizes: Sequence[int],
    store: AssayStore,
    hashes: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "task": plan.task,
        "protocol": plan.protocol,
        "support_sizes": sorted(set(support_sizes)),
        "draws": plan.n_draws,
        "seeds": f"0 to {plan.n_draws - 1}",
        "methods": [method.name for method in methods],
        "fingerprints": {method.name: method.fingerprint for method in methods},
        "n_assays": len(store),
        "assays_hash": key_of(*hashes.values()),
        "versions": {
            "molmeta": __version__,
            "python": platform.python_version(),
            "rdkit": rdkit.__version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
    }
