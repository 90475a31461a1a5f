"""Screening on a cluster that was started beforehand, whatever of it is killed: as on one machine.

Two nodes of one processor each, which are two loopback addresses of this machine.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import molmeta
from molmeta.assays import drug_mechanisms
from molmeta.errors import InputError
from molmeta.predict.library.ray_engine import compute_on_ray
from molmeta.predict.library.stream import Part
from molmeta.runs.model import Model
from tests.predict.test_screen import panel_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="Ray is not installed (pip install 'molmeta[ray]')",
    ),
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="two nodes on one machine, found in /proc"
    ),
]
CHECKOUT = Path(molmeta.__file__).resolve().parents[1]
PYTHONPATH = os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "cli")))
HEAD, OTHER = "127.0.0.2", "127.0.0.3"
MARK = "MOLMETA_TEST_CLUSTER"  # in the environment of all that the cluster starts
PATIENCE = 120.0  # a busy machine takes a minute to start two nodes
N_PARTS = 12
# Else nodes and drivers would need the token that Ray may, or may not, have left at home.
NO_TOKEN = {"RAY_AUTH_MODE": "disabled"}


class Cluster:
    """Ray's own processes, told from any others by their environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address, self._for_clients = f"{HEAD}:{free_port()}", free_port()
        self._environment = {
            **os.environ,
            MARK: str(folder),
            "PYTHONPATH": PYTHONPATH,
            "RAY_USAGE_STATS_ENABLED": "0",
            **NO_TOKEN,
        }
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, host: str) -> None:
        """Start a node, unless it is there."""
        if host in self._nodes and self._nodes[host].poll() is None:
            return
        role = [f"--address={self.address}"]
        if host == HEAD:
            port = self.address.rpartition(":")[2]
            role = ["--head", f"--port={port}", f"--temp-dir={self.folder}"]
            role += ["--include-dashboard=false", f"--ray-client-server-port={self._for_clients}"]
        command = [shutil.which("ray", path=str(Path(sys.executable).parent)) or "ray", "start"]
        command += [*role, f"--node-ip-address={host}", "--num-cpus=1", "--block"]
        command += ["--object-store-memory=100000000", "--disable-usage-stats"]
        log = self.folder / f"{host}.log"
        with log.open("wb") as output:
            node = self._nodes[host] = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(
            lambda: "Ray runtime started" in log.read_text() or node.poll() is not None,
            log.read_text,
        )
        assert node.poll() is None, log.read_text()

    def kill(self, host: str) -> None:
        """Kill a node at once, all its workers with it."""
        node = self._nodes.pop(host)
        kill([pid for pid in self._processes() if _session(pid) == node.pid])
        node.wait()

    def stop(self) -> None:
        for host in list(self._nodes):
            self.kill(host)
        kill(self._processes())

    def at_work(self, host: str = "") -> list[int]:
        """The workers that have a part, of one node or of all."""
        session = self._nodes[host].pid if host else None
        found = []
        for pid in self._processes():
            with suppress(OSError):
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
                if title.startswith(b"ray::_compute_one") and session in (None, _session(pid)):
                    found.append(pid)
        return found

    def _processes(self) -> list[int]:
        """All that the cluster has started."""
        mark = f"{MARK}={self.folder}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HEAD, 0))
        return int(free.getsockname()[1])


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _session(pid: int) -> int:
    with suppress(OSError):
        return os.getsid(pid)
    return 0


def until(true: Callable[[], object], why: Callable[[], str] = str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, why()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def started() -> Iterator[Cluster]:
    # Not in tmp_path: the names of Ray's sockets may not be long.
    folder = Path(tempfile.mkdtemp(prefix="mm"))
    cluster = Cluster(folder)
    try:
        cluster.start(HEAD)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(started: Cluster) -> Cluster:
    """Both nodes, the second one anew where a test has killed it."""
    started.start(OTHER)
    return started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A support set, a library of a file a part, and what the local engine makes of it."""
    folder = tmp_path_factory.mktemp("work")
    drugs = drug_mechanisms("test")
    known = drugs[drugs["assay"] == "fluoroquinolone"].groupby("label").head(6)
    known[["smiles", "label"]].to_csv(folder / "support.csv", index=False)
    smiles = drug_mechanisms("train")["smiles"].drop_duplicates().tolist()
    (folder / "library").mkdir()
    for part in range(N_PARTS):
        rows = pd.DataFrame({"smiles": [*smiles[part::2][:200], "not a molecule"]})
        rows.assign(id=rows.index + 1000 * part).to_csv(
            folder / "library" / f"{part}.csv", index=False
        )
    with screening(folder, "local") as program:
        assert program.wait(PATIENCE) == 0
    return folder


@contextmanager
def screening(
    folder: Path, output: str, cluster: Cluster | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The program at work, on the cluster if there is one; it ends with the block."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": PYTHONPATH}
    command = [sys.executable, "-m", "molmeta_cli", "screen", "--support", "support.csv"]
    command += ["--input", "library", "-o", output]
    if cluster is not None:
        environment |= {"RAY_ADDRESS": cluster.address, **NO_TOKEN}
        command += ["--engine", "ray"]
    program = subprocess.Popen(command, cwd=folder, env=environment)
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def n_done(folder: Path) -> int:
    journal = folder / "_journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def check_same(found: Path, expected: Path) -> None:
    """The same files and rows; scores to the rounding of sums, whose order threads decide."""
    names = {path.name for path in expected.iterdir()}
    assert {path.name for path in found.iterdir()} == names
    for name in names:
        if name.endswith(".parquet"):
            one, other = (pd.read_parquet(folder / name) for folder in (found, expected))
            pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-5, atol=1e-5)
        else:
            assert (found / name).read_bytes() == (expected / name).read_bytes(), name


def test_the_program_says_what_it_says_on_one_machine(cluster: Cluster, folder: Path) -> None:
    with screening(folder, "on ray", cluster) as program:
        assert program.wait(PATIENCE) == 0
    check_same(folder / "on ray", folder / "local")


def until_at_work(
    program: subprocess.Popen[bytes], output: Path, cluster: Cluster, host: str
) -> list[int]:
    """The workers of a node that are at work, once a part is done."""
    workers: list[int] = []

    def seen() -> bool:
        workers[:] = cluster.at_work(host)
        return program.poll() is not None or bool(workers and n_done(output))

    until(seen)
    assert program.poll() is None
    return workers


@pytest.mark.parametrize("killed", ["worker", "node"])
def test_one_killed_in_the_middle_changes_nothing(
    killed: str, cluster: Cluster, folder: Path
) -> None:
    output = folder / f"{killed} killed"
    with screening(folder, output.name, cluster) as program:
        workers = until_at_work(program, output, cluster, OTHER)
        if killed == "worker":
            kill(workers)
        else:
            cluster.kill(OTHER)
        assert n_done(output) < N_PARTS
        assert program.wait(PATIENCE) == 0
    check_same(output, folder / "local")


def test_the_driver_killed_and_started_again(cluster: Cluster, folder: Path) -> None:
    output = folder / "driver killed"
    with screening(folder, output.name, cluster) as program:
        until_at_work(program, output, cluster, HEAD)
        program.kill()
        program.wait()
    assert n_done(output) < N_PARTS
    until(lambda: not cluster.at_work())  # no worker outlives it
    with screening(folder, output.name, cluster) as program:
        assert program.wait(PATIENCE) == 0
    check_same(output, folder / "local")


@pytest.fixture
def on_cluster(
    cluster: Cluster, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """What this process, as a driver, is told when it computes on the cluster."""
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    monkeypatch.setenv("RAY_AUTH_MODE", NO_TOKEN["RAY_AUTH_MODE"])
    monkeypatch.chdir(tmp_path)  # Ray adds a driver's folder to its workers' paths

    def refused(function: Callable[..., Any] | None = None) -> str:
        part = Part(0, pd.DataFrame({"smiles": ["CCO"]}))
        with pytest.raises(InputError) as said:
            list(compute_on_ray(model, [part], "smiles", function or panel_of(model).score))
        return str(said.value)

    return refused


def test_a_node_without_molmeta(
    on_cluster: Callable[..., str], cluster: Cluster, tmp_path: Path
) -> None:
    ray = importlib.import_module("ray")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "molmeta.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'molmeta'\", name='molmeta')"
    )
    bare = {"env_vars": {"PYTHONPATH": str(tmp_path / "bare")}}
    ray.init(address=cluster.address, runtime_env=bare, log_to_driver=False)
    try:
        said = on_cluster()
    finally:
        ray.shutdown()
    assert "No module named 'molmeta' on node 127.0.0." in said
    assert f"expected molmeta {molmeta.__version__} and the model's own code on every node" in said


def test_a_node_of_another_version(
    on_cluster: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    its = molmeta.__version__
    monkeypatch.setattr(molmeta, "__version__", "99.0")
    said = on_cluster()
    assert f"got molmeta {its} on node" in said
    assert "expected molmeta 99.0 on every node" in said


def test_a_cluster_of_another_ray(
    on_cluster: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("ray"), "__version__", "2.0.0")
    assert "the cluster's versions of Python and Ray" in on_cluster()


def test_code_that_only_the_driver_has(
    on_cluster: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "theirs.py").write_text("def score(features):\n    raise RuntimeError\n")
    monkeypatch.syspath_prepend(own)
    said = on_cluster(importlib.import_module("theirs").score)
    assert "No module named 'theirs' on node 127.0.0." in said
