"""The run of an evaluation: methods × assays × sizes × draws, in parallel and resumable.

Records are kept in a journal under a hash of all they depend on. A changed model, assay or protocol
has another key, and what did not change is not computed again.
"""

import hashlib
import json
import platform
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rdkit
import sklearn

from molmeta import __version__
from molmeta.assays.store import Assay, AssayStore
from molmeta.errors import InputError
from molmeta.evaluation.episodes import Plan
from molmeta.evaluation.protocol import Method, Task, find_protocol
from molmeta.evaluation.results import JOURNAL, Results
from molmeta.evaluation.tables import collect
from molmeta.evaluation.workers import run_units
from molmeta.resources import Journal, making


def evaluate(
    methods: Sequence[Method],
    store: AssayStore,
    *,
    protocol: str = "fsmol",
    support_sizes: Sequence[int] = (16,),
    draws: int = 10,
    task: Task = "classification",
    use_values: bool = False,
    out: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Results:
    """Evaluate methods on assays.

    >>> from molmeta.assays import drug_mechanisms
    >>> from molmeta.evaluation import make_baselines
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> results = evaluate(make_baselines(["simsearch"]), store, support_sizes=[16], draws=2)
    >>> results.summary["delta_auprc"].round(2).tolist()
    [0.75]

    Args:
        methods: Models and baselines, under distinct names.
        store: The test assays; a column `target_class` of its table gives means by class.
        protocol: How support and query sets are drawn; a name of `PROTOCOLS`.
        support_sizes: Molecules of the support set; with `moleculenet`, of each class.
        draws: Draws an assay and size, seeds 0, 1, …
        task: What is predicted; regression takes methods whose scale is `value`.
        use_values: Grade support labels by values (`molmeta.assays.graded.grade`), for all methods.
        out: Folder for the tables. What an earlier evaluation in it has done is not done again.
        workers: Processes, each with assays of its own.
        progress: Called with the numbers of finished and of all units (an assay at a size).

    Raises:
        InputError: If nothing can be evaluated.
    """
    sizes, plan = sorted(set(support_sizes)), Plan(protocol, draws, task, use_values)
    _check(methods, store, sizes, plan)
    hashes = {assay_id: assay_hash(store, store.assay(assay_id)) for assay_id in store.assay_ids}
    info = _info(methods, store, plan, sizes, key_of(*hashes.values()))
    keys = _keys(methods, plan, sizes, hashes, info["versions"])
    journal = _open_journal(out)
    units = [(assay_id, size) for size in sizes for assay_id in store.assay_ids]
    left = {unit: [m for m in methods if keys[m.name, *unit] not in journal] for unit in units}
    todo = {unit: some for unit, some in left.items() if some}
    n_done = len(units) - len(todo)
    progress(n_done, len(units))
    for unit, records in run_units(todo, store, plan, workers):
        journal.add({keys[name, *unit]: record for name, record in records.items()})
        n_done += 1
        progress(n_done, len(units))
    results = collect({at: journal[key] for at, key in keys.items()}, methods, store, info)
    if not len(results.results):
        raise _nothing_drawn(results, store, sizes, out if len(todo) == len(units) else None)
    if out is not None:
        results.write(out)
    return results


def _keys(
    methods: Sequence[Method],
    plan: Plan,
    sizes: Sequence[int],
    hashes: Mapping[str, str],
    versions: Mapping[str, str],
) -> dict[tuple[str, str, int], str]:
    """Make the journal's key of each method, assay and size: a hash of all that it depends on."""
    same = (plan.protocol, plan.n_draws, plan.task)
    graded = ["values"] if plan.use_values else []
    return {
        (method.name, assay_id, size): key_of(
            *same, size, hashes[assay_id], method.fingerprint, versions, *graded
        )
        for method in methods
        for size in sizes
        for assay_id in hashes
    }


def _nothing_drawn(
    results: Results, store: AssayStore, sizes: Sequence[int], new: Path | None
) -> InputError:
    """Build the refusal of assays that no draw can be made of; a new folder goes."""
    if new is not None:
        (new / JOURNAL).unlink()
        new.rmdir()
    return InputError.of(
        f"evaluation of {len(store)} assays at support sizes {sizes}",
        got=f"no draw that can be made (the first: {results.skipped['reason'].iloc[0]})",
        expected="at least one assay with enough molecules of both classes",
        fix="Use smaller support sizes.",
    )


def _check(methods: Sequence[Method], store: AssayStore, sizes: Sequence[int], plan: Plan) -> None:
    names = [method.name for method in methods]
    if not names or len(set(names)) < len(names):
        raise InputError.of(
            "methods", got=", ".join(names) or "none", expected="one or more, of distinct names"
        )
    unfit = [m.name for m in methods if (m.scale == "value") != (plan.task == "regression")]
    if unfit:
        raise InputError.of(
            "methods",
            got=", ".join(unfit),
            expected=f"methods that do {plan.task}",
            fix="A trained encoder does it as `--baselines probe:MODEL`."
            if plan.task == "regression"
            else None,
        )
    if not len(store):
        raise InputError.of("test assays", got="none", expected="at least one")
    for method in methods:
        if method.training is not None:
            store.check_form(method.training.standardize, method.name)
    if not sizes or sizes[0] < 1:
        raise InputError.of("support sizes", got=sizes, expected="one or more positive numbers")
    if plan.use_values and plan.task == "regression":
        raise InputError.of(
            "--use-values", got="--task regression, which learns from values", expected="labels"
        )
    find_protocol(plan.protocol)


def _open_journal(out: Path | None) -> Journal:
    """Open the journal in the output folder, which is new, empty, or an earlier evaluation's."""
    if out is None:
        return Journal(None)
    journal = out / JOURNAL
    if out.exists() and not journal.exists() and (out.is_file() or any(out.iterdir())):
        raise InputError.of(
            f"output {out}",
            got="something that no evaluation wrote",
            expected="a new or empty folder, or that of an earlier evaluation",
        )
    with making(out):
        out.mkdir(parents=True, exist_ok=True)
    return Journal(journal)


def _info(
    methods: Sequence[Method], store: AssayStore, plan: Plan, sizes: Sequence[int], data: str
) -> dict[str, Any]:
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "protocol": plan.protocol,
        "task": plan.task,
        "labels": "graded by values" if plan.use_values else "as they are",
        "support_sizes": sizes,
        "seeds": list(range(plan.n_draws)),
        "data": {"path": str(store.path), "n_assays": len(store), "hash": data},
        "methods": {method.name: method.fingerprint for method in methods},
        "versions": {
            "molmeta": __version__,
            "python": platform.python_version(),
            "rdkit": rdkit.__version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
    }


def key_of(*parts: object) -> str:
    """Hash everything that a record depends on, given as plain values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def assay_hash(store: AssayStore, assay: Assay) -> str:
    """Hash an assay's rows in order: molecules as written and as identified, labels, …"""
    form = store.standardize.spec if store.standardize else None
    content = hashlib.sha256(json.dumps([store.feature_spec, form], sort_keys=True).encode())
    smiles = [store.smiles[molecule] if molecule >= 0 else "" for molecule in assay.molecules]
    content.update("\n".join([assay.id, *smiles]).encode())
    identities = np.append(store.identities, -1)[assay.molecules]
    for column in (identities, assay.labels, assay.values, assay.kept, assay.rows):
        content.update(np.ascontiguousarray(column).tobytes())
    return content.hexdigest()[:24]
