"""The stages of `stream.compute` on a Ray cluster: parts go out whole, results come back in order.

Each part is a Ray task, which Ray gives to another worker if the first one dies (Moritz et al.
2018, "Ray: a distributed framework for emerging AI applications", arXiv:1712.05889). A task does
what the local engine does, so that its results are the same. `ray` is imported here alone.

What a node needs is molmeta of the same version. A task is sent plain text and a reference, so
that one without it can still say so.
"""

import importlib
import os
import re
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import molmeta
from molmeta.assays.measurement import as_text
from molmeta.chem.featurize import TIME_LIMIT, Featurized
from molmeta.errors import InputError, MolmetaError
from molmeta.predict.library.stream import Computed, Part, compute
from molmeta.runs.model import Model

RETRIES = 5
"""So many workers may die of one part: an unlucky part outlives them, a deadly one does not."""

_AHEAD = 2  # parts begun for each processor, so that none waits for this process
_CODE_MISSING = "No module named", "failed to import on the worker"  # what Ray says of it


def compute_on_ray(
    model: Model,
    parts: Iterable[Part],
    smiles_column: str,
    function: Callable[[Featurized], NDArray[np.float32]],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Computed]:
    """Apply a function to the molecules of parts: one result a part, in order.

    It runs on the cluster that this process is connected to, else on the one that Ray finds
    (`RAY_ADDRESS`, or one started on this machine), else on a new one on this machine, which
    ends with it.

    Arguments are as of `compute`, but `workers` is how many parts are in work at once, by default
    two for each processor of the cluster.

    Raises:
        InputError: If Ray is not installed, its cluster is not reached or lacks this version of
            molmeta or the model's own code, or the model is not on the CPU.
        MolmetaError: If a part's worker died again and again.
    """
    device = model.learner.device
    if device.type != "cpu":
        raise InputError.of(
            "--engine ray", got=f"a model on {device}", expected="--device cpu, many of them"
        )
    with _connected() as ray:
        task = ray.remote(_compute_one).options(max_retries=RETRIES)
        shared = ray.put((model, function))
        at_once = workers or _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        begun: deque[tuple[Part, Any]] = deque()
        rest = iter(parts)
        while True:
            for part in islice(rest, at_once - len(begun)):
                smiles = as_text(part.rows[smiles_column]).tolist()
                begun.append((part, task.remote(molmeta.__version__, [shared], smiles)))
            if not begun:
                return
            part, reference = begun.popleft()
            values, reasons = _result(ray, reference, part.number)
            if progress is not None:
                progress(len(reasons))
            yield Computed(part, values, reasons)


def _compute_one(
    version: str, shared: list[Any], smiles: list[str]
) -> tuple[NDArray[np.float32], list[str]]:
    """A part by itself, in a worker.

    Args:
        version: Of molmeta in the driver.
        shared: Reference to the model and the function; in a list, Ray leaves it to the task.
        smiles: The part's.
    """
    if version != molmeta.__version__:
        got = f"molmeta {molmeta.__version__} on node {socket.gethostname()}"
        raise _unequipped(got, f"molmeta {version}")
    model, function = importlib.import_module("ray").get(shared[0])
    part = Part(0, pd.DataFrame({"smiles": smiles}))
    # In a process of its own: what RDKit hangs on or dies of is then one row.
    (done,) = compute(model, [part], "smiles", function, time_limit=TIME_LIMIT)
    return done.values, done.reasons


def _unequipped(got: str, expected: str) -> InputError:
    return InputError.of(
        "--engine ray",
        got=got,
        expected=f"{expected} on every node",
        fix="Install it there, in the Python that started Ray, and start that Ray again.",
    )


def _result(ray: Any, reference: Any, number: int) -> tuple[NDArray[np.float32], list[str]]:
    try:
        values, reasons = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, MolmetaError):
            raise error.cause from None
        if not any(words in str(error) for words in _CODE_MISSING):
            raise
        node = re.search(r"ip=([\w.:]+)", str(error))
        got = f"{str(error).splitlines()[-1].strip()} on node {node[1] if node else 'unknown'}"
        expected = f"molmeta {molmeta.__version__} and the model's own code"
        raise _unequipped(got, expected) from None
    except ray.exceptions.RayError as error:
        raise MolmetaError(
            f"Ray lost part {number} of the library {RETRIES + 1} times: {_first_line(error)}"
        ) from error
    return np.array(values), reasons  # Ray's own arrays cannot be written to


def find_ray() -> Any:
    """The module `ray`.

    Raises:
        InputError: If it is not installed, or nothing answers at RAY_ADDRESS.
    """
    _call(os.environ.get("RAY_ADDRESS", ""))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of each use
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise InputError.of(
            "--engine ray",
            got="no installation of Ray",
            expected="the package `ray`",
            fix="Install it (pip install 'molmeta[ray]'), or use --engine local.",
        ) from None


def _call(address: str) -> None:
    """Try a plain `host:port`, which Ray itself would do for minutes."""
    host, _, port = address.rpartition(":")
    if "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise _unreached(error) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _unreached(error: Exception) -> InputError:
    return InputError.of(
        "--engine ray",
        got=f"no connection ({_first_line(error)})",
        expected="a cluster at RAY_ADDRESS that lets this process in",
        fix="Correct or unset it (a token goes into RAY_AUTH_TOKEN); without it Ray starts here.",
    )


@contextmanager
def _connected() -> Iterator[Any]:
    """The module `ray`, connected to a cluster."""
    ray = find_ray()
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError) as error:
        raise _unreached(error) from None
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise
        raise InputError.of(
            "--engine ray",
            got=" ".join(str(error).split()),
            expected="the cluster's versions of Python and Ray",
            fix="Run molmeta in the environment that started the cluster.",
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()
