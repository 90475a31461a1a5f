"""Screening on a cluster that was started beforehand, whatever of it is killed: as on one machine.

Two nodes of one processor each, which are two loopback addresses of this machine.
"""

from __future__ import annotations

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

import pandas as pd
import pytest

import molmeta
from molmeta.assays import drug_mechanisms

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="Ray is not installed (pip install 'molmeta[ray]')",
    ),
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="two nodes on one machine, found in /proc"
    ),
]
CHECKOUT = Path(molmeta.__file__).resolve().parents[1]
HEAD, OTHER = "127.0.0.2", "127.0.0.3"
MARK = "MOLMETA_TEST_CLUSTER"  # in the environment of all that the cluster starts
PATIENCE = 400.0  # a busy machine takes minutes to start two nodes
N_PARTS = 14
DRIVER = """
import sys
from pathlib import Path
from molmeta.assays import load_assays, open_library
from molmeta.errors import InputError
from molmeta.meta import load_model
from molmeta.predict.panel import Panel
from molmeta.predict.screen import screen
from molmeta.predict.sources import ENGINES, MoleculeSource

engine, folder = sys.argv[1:]
model = load_model("default")
panel = Panel.of_store(model, load_assays("support.csv", standardize=model.standardize))
source = MoleculeSource(open_library("library.csv"), part_rows=300, engine=ENGINES[engine])
try:
    screen(panel, source, Path(folder))
except InputError as error:
    sys.exit(str(error))
"""


class Cluster:
    """Ray's own processes, told from any others by their environment."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.address, self._for_clients = f"{HEAD}:{free_port()}", free_port()
        self._environment = {**os.environ, **environment, MARK: str(folder)}
        self._environment["RAY_USAGE_STATS_ENABLED"] = "0"
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, host: str) -> None:
        port = self.address.rpartition(":")[2]
        role = [f"--address={self.address}"]
        if host == HEAD:
            role = ["--head", f"--port={port}", f"--temp-dir={self.folder}"]
            role += ["--include-dashboard=false", f"--ray-client-server-port={self._for_clients}"]
        command = [shutil.which("ray", path=str(Path(sys.executable).parent)) or "ray", "start"]
        command += [*role, f"--node-ip-address={host}", "--num-cpus=1", "--block"]
        command += ["--object-store-memory=100000000", "--disable-usage-stats"]
        log = self.folder / f"{host}.log"
        with log.open("wb") as output:
            self._nodes[host] = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        node = self._nodes[host]
        until(
            lambda: "Ray runtime started" in log.read_text() or node.poll() is not None,
            log.read_text,
        )
        assert node.poll() is None, log.read_text()

    def kill(self, host: str) -> None:
        """Kill a node at once, all its workers with it."""
        node = self._nodes.pop(host)
        for pid in [pid for pid in self.processes() if _session(pid) == node.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()

    def stop(self) -> None:
        for host in list(self._nodes):
            self.kill(host)
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """All that the cluster has started."""
        mark = f"{MARK}={self.folder}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found

    def at_work(self, host: str | None = None) -> list[int]:
        """The workers that have a part, of one node or of all."""
        session = None if host is None else self._nodes[host].pid
        found = []
        for pid in self.processes():
            with suppress(OSError):
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
                if title.startswith(b"ray::_compute_one") and session in (None, _session(pid)):
                    found.append(pid)
        return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HEAD, 0))
        return int(free.getsockname()[1])


def _session(pid: int) -> int:
    with suppress(OSError):
        return os.getsid(pid)
    return 0


def until(true: Callable[[], object], why: Callable[[], str] = str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, why()
        time.sleep(0.02)


@contextmanager
def cluster_of(*hosts: str, **environment: str) -> Iterator[Cluster]:
    # Not in tmp_path: the names of Ray's sockets may not be long.
    folder = Path(tempfile.mkdtemp(prefix="mm"))
    cluster = Cluster(folder, **environment)
    try:
        for host in hosts:
            cluster.start(host)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with cluster_of(HEAD, OTHER) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A support set, a library, and what the local engine makes of it."""
    folder = tmp_path_factory.mktemp("work")
    drugs = drug_mechanisms("test")
    known = drugs[drugs["assay"] == "fluoroquinolone"].groupby("label").head(6)
    known[["smiles", "label"]].to_csv(folder / "support.csv", index=False)
    smiles = drug_mechanisms("train")["smiles"].drop_duplicates().tolist()
    rows = [smiles[i % len(smiles)] if i % 50 else "not a molecule" for i in range(300 * N_PARTS)]
    pd.DataFrame({"smiles": rows, "id": range(len(rows))}).to_csv(
        folder / "library.csv", index=False
    )
    (folder / "driver.py").write_text(DRIVER)
    assert drive(folder, "local", "local").wait() == 0
    return folder


def drive(
    folder: Path, engine: str, output: str, address: str = "", **options: object
) -> subprocess.Popen[str]:
    command = [sys.executable, "driver.py", engine, output]
    return program(folder, command, address, **options)


def program(
    folder: Path, command: list[str], address: str, **options: object
) -> subprocess.Popen[str]:
    environment = {**os.environ, "RAY_ADDRESS": address, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "cli")))
    if not address:
        del environment["RAY_ADDRESS"]
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **options)  # type: ignore[call-overload, no-any-return]


def n_done(folder: Path) -> int:
    journal = folder / "_journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def check_same(found: Path, expected: Path) -> None:
    """The same files to the byte: one kind of processor computes the same numbers."""
    names = [sorted(path.name for path in folder.iterdir()) for folder in (found, expected)]
    assert names[0] == names[1]
    for name in names[0]:
        assert (found / name).read_bytes() == (expected / name).read_bytes()


def test_the_program_says_what_it_says_on_one_machine(cluster: Cluster, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    paths = ["--support", "../support.csv", "--input", "../library.csv", "--workers", "2"]
    command = [sys.executable, "-m", "molmeta_cli", "screen", *paths]
    for engine in ("local", "ray"):
        call = [*command, "--engine", engine, "-o", f"../by {engine}"]
        assert program(folder / "elsewhere", call, cluster.address).wait(PATIENCE) == 0
    check_same(folder / "by ray", folder / "by local")
    until(lambda: not cluster.at_work())


@pytest.mark.parametrize("killed", ["worker", "node"])
def test_one_killed_in_the_middle_changes_nothing(
    killed: str, cluster: Cluster, folder: Path
) -> None:
    output = folder / f"{killed} killed"
    driver = drive(folder, "ray", output.name, cluster.address)
    until(lambda: n_done(output) >= 3 and cluster.at_work(OTHER))
    if killed == "worker":
        os.kill(cluster.at_work(OTHER)[0], signal.SIGKILL)
    else:
        cluster.kill(OTHER)
    assert n_done(output) < N_PARTS
    assert driver.wait(PATIENCE) == 0
    check_same(output, folder / "local")


def test_the_driver_killed_and_started_again(cluster: Cluster, folder: Path) -> None:
    output = folder / "driver killed"
    driver = drive(folder, "ray", output.name, cluster.address)
    until(lambda: n_done(output) >= 3 and cluster.at_work())
    driver.kill()
    driver.wait()
    done = n_done(output)
    assert done < N_PARTS
    until(lambda: not cluster.at_work())  # no worker outlives it
    driver = drive(folder, "ray", output.name, cluster.address)
    assert driver.wait(PATIENCE) == 0
    check_same(output, folder / "local")


def refused(folder: Path, cluster: Cluster, name: str) -> str:
    driver = drive(folder, "ray", name, cluster.address, stderr=subprocess.PIPE)
    said = driver.communicate(timeout=PATIENCE)[1]
    assert driver.returncode == 1
    assert "Traceback" not in said
    return said


def test_a_cluster_without_molmeta_is_refused(folder: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "molmeta.py"
    hidden.write_text("raise ModuleNotFoundError(\"No module named 'molmeta'\", name='molmeta')")
    with cluster_of(HEAD, PYTHONPATH=str(tmp_path)) as bare:
        said = refused(folder, bare, "bare")
    assert "No module named 'molmeta'" in said
    assert f"expected molmeta {molmeta.__version__} on every node" in said


def test_a_cluster_of_another_version_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "molmeta", tmp_path / "molmeta")
    init = tmp_path / "molmeta" / "__init__.py"
    init.write_text(init.read_text().replace(molmeta.__version__, "0.0.1"))
    with cluster_of(HEAD, PYTHONPATH=str(tmp_path)) as old:
        said = refused(folder, old, "old")
    assert "got molmeta 0.0.1 on node" in said
    assert f"expected molmeta {molmeta.__version__} on every node" in said


def test_another_python_or_ray_is_refused(cluster: Cluster, folder: Path) -> None:
    driver = "import ray\nray.__version__ = '2.0.0'\n" + DRIVER
    command = [sys.executable, "-c", driver, "ray", "mismatch"]
    process = program(folder, command, cluster.address, stderr=subprocess.PIPE)
    said = process.communicate(timeout=PATIENCE)[1]
    assert (process.returncode, "Traceback" in said) == (1, False)
    assert "the cluster's versions of Python and Ray" in said


def test_code_that_only_the_driver_has_is_named(cluster: Cluster, folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    (own / "theirs.py").write_text("def score(features):\n    raise RuntimeError\n")
    driver = DRIVER.replace(
        "source =", "sys.path.append('own'); import theirs; panel.score = theirs.score\nsource ="
    )
    driver = driver.replace(
        "screen(panel, source, Path(folder))", "list(source.score(panel, bool))"
    )
    driver = driver.replace("Panel.of_store(", "type('P', (), {'model': model})() or (")
    (folder / "theirs_driver.py").write_text(driver)
    command = [sys.executable, "theirs_driver.py", "ray", "theirs"]
    process = program(folder, command, cluster.address, stderr=subprocess.PIPE)
    said = process.communicate(timeout=PATIENCE)[1]
    assert (process.returncode, "Traceback" in said) == (1, False)
    assert "no module theirs on node" in said
