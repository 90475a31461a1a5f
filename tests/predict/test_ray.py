"""The Ray engine: what the local engine says, whichever worker says it."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from molmeta.assays import open_library
from molmeta.chem.featurize import Featurized
from molmeta.errors import InputError, MolmetaError
from molmeta.predict.library import ray_engine
from molmeta.predict.library.ray_engine import compute_on_ray
from molmeta.predict.library.screen import Shard, screen
from molmeta.predict.library.sources import MoleculeSource, pick_engine
from molmeta.predict.library.stream import Part
from molmeta.predict.panel import Panel
from molmeta.runs.model import Model
from tests.cli.program import molmeta
from tests.predict.test_screen import DRUGS, library_of, panel_of, rows_of, screened

TOLERANCE = 1e-6
"""Of scores; on one kind of processor they are equal."""


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"got no installation of Ray.*molmeta\[ray\]"):
        pick_engine("ray")
    with pytest.raises(InputError, match="expected one of local, ray"):
        pick_engine("rya")


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(InputError, match=r"no connection .*RAY_ADDRESS"):
            pick_engine("ray")


def test_stored_vectors_stay_on_one_machine(tmp_path: Path) -> None:
    arguments = ["screen", "--support", "s.csv", "-o", tmp_path / "out"]
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'molmeta[ray]')")
    done = molmeta(*arguments, "--embeddings", "v.npy", "--engine", "ray")
    assert (done.returncode, "--engine local" in done.stderr) == (2, True)


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="Ray is not installed (pip install 'molmeta[ray]')")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=2**27)
    yield
    ray.shutdown()


def on_ray(panel: Panel, library: Path, folder: Path, **options: object) -> None:
    source = MoleculeSource(open_library(library), part_rows=30, engine=compute_on_ray)
    screen(panel, source, folder, **options)  # type: ignore[arg-type]


def workers_at_work() -> list[int]:
    """The processes in which Ray computes for this one."""
    parents, names = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            names[int(process.name)] = (process / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        parents[int(process.name)] = int(parent)
    own = []
    for pid, name in names.items():
        above = pid
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid() and name.startswith(b"ray::_compute_one"):
            own.append(pid)
    return own


@pytest.mark.slow
@pytest.mark.usefixtures("two_workers")
def test_rows_and_scores_are_those_of_the_local_engine(model: Model, tmp_path: Path) -> None:
    library, panel = library_of(tmp_path, n_files=2), panel_of(model, 2)
    screened(panel, library, tmp_path / "local", part_rows=30)
    on_ray(panel, library, tmp_path / "ray")
    expected, found = rows_of(tmp_path / "local"), rows_of(tmp_path / "ray")
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=TOLERANCE)
    screened(panel, library, tmp_path / "best", top=7, part_rows=30)
    on_ray(panel, library, tmp_path / "best on ray", top=7)
    one, other = (pd.read_csv(tmp_path / name / "top.csv") for name in ("best", "best on ray"))
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.usefixtures("two_workers")
def test_what_one_engine_began_the_other_ends(model: Model, tmp_path: Path) -> None:
    library, panel = library_of(tmp_path), panel_of(model)
    screened(panel, library, tmp_path / "whole", part_rows=30)
    screened(panel, library, tmp_path / "both", shard="1/2", part_rows=30)
    on_ray(panel, library, tmp_path / "both", shard=Shard(2, 2))
    found = rows_of(tmp_path / "both")
    pd.testing.assert_frame_equal(found, rows_of(tmp_path / "whole"), rtol=0, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.usefixtures("two_workers")
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds workers in /proc")
def test_a_worker_killed_in_the_middle_changes_nothing(model: Model, tmp_path: Path) -> None:
    panel = panel_of(model)
    parts = [
        Part(i, pd.DataFrame({"smiles": DRUGS["smiles"].sample(60, random_state=i)}))
        for i in range(12)
    ]

    def slow(features: Featurized) -> NDArray[np.float32]:
        import time

        time.sleep(0.3)  # so that the one that is killed is at work
        return panel.score(features)

    killed: list[int] = []
    found = []
    for done in compute_on_ray(model, parts, "smiles", slow):
        found.append(done)
        if len(found) == 3:
            killed = workers_at_work()[:1]
            os.kill(killed[0], signal.SIGKILL)
    assert killed
    assert [done.part.number for done in found] == list(range(12))
    for done, part in zip(found, parts, strict=True):
        expected = panel.score(model.featurize(part.rows["smiles"].tolist()))
        np.testing.assert_allclose(done.values, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.usefixtures("two_workers")
def test_what_goes_wrong_in_a_worker_is_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(4, pd.DataFrame({"smiles": ["CCO"]}))

    def diverged(features: Featurized) -> NDArray[np.float32]:
        raise MolmetaError("the model's scores are not finite")

    def deadly(features: Featurized) -> NDArray[np.float32]:
        os.kill(os.getpid(), signal.SIGKILL)
        return np.empty(0, np.float32)

    with pytest.raises(MolmetaError, match=r"^the model's scores are not finite$"):
        list(compute_on_ray(model, [part], "smiles", diverged))
    monkeypatch.setattr(ray_engine, "RETRIES", 0)
    with pytest.raises(MolmetaError, match="Ray lost part 4 of the library 1 times"):
        list(compute_on_ray(model, [part], "smiles", deadly))
