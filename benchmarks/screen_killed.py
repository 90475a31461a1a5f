"""A big screening killed again and again against one left alone: the same bytes, and its memory.

    python benchmarks/screen_killed.py --n 1000000 --kills 10 --folder /tmp/killed

The library is FS-Mol's molecules, repeated under other identifiers. One run is left alone; its
memory is sampled, and that of a tenth of the library beside it. Another is killed (SIGKILL to all
its processes at once) at random moments, every other time when the file of a part is being
written, and started again with the same call. At the end every file must be the same. What is in
the folder is not done again.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsmol"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--model", default="default")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    support = write_support(folder / "support.csv")

    def call(n: int, output: Path) -> list[str]:
        library = folder / f"library{n}.csv"
        if not library.exists():
            write_library(library, n)
        options = {"--support": support, "--input": library, "-o": output}
        options |= {"--model": arguments.model, "--workers": arguments.workers}
        words = [str(word) for option in options.items() for word in option]
        return [sys.executable, "-m", "molmeta_cli", "screen", *words]

    for n in (arguments.n // 10, arguments.n):
        start = time.perf_counter()
        run = Run(call(n, folder / f"whole{n}"))
        run.watch(lambda: False)
        seconds = time.perf_counter() - start
        print(f"{n:,} rows: {run.memory}, {n / seconds:,.0f} rows/s by the clock", flush=True)
    whole, killed = folder / f"whole{arguments.n}", folder / "killed"
    n_parts = len(list(whole.glob("part-*")))
    kill_again_and_again(call(arguments.n, killed), killed, n_parts, arguments)
    compare(whole, killed)


def write_support(path: Path) -> Path:
    """16 molecules of FS-Mol's first validation assay that has eight of each class."""
    rows = pd.read_csv(DATA / "valid.csv.gz")
    for _, assay in rows.groupby("assay_id"):
        if assay["active"].value_counts().reindex([0, 1], fill_value=0).min() >= 8:
            assay.groupby("active").head(8).to_csv(path, index=False)
            return path
    raise RuntimeError("no assay has eight molecules of each class")


def write_library(path: Path, n: int) -> None:
    files = [DATA / name for name in ("train.csv.gz", "valid.csv.gz")]
    table = pd.concat([pd.read_csv(file, usecols=["smiles"]) for file in files])
    smiles = table["smiles"].drop_duplicates().sample(frac=1, random_state=0).tolist()
    with path.open("w") as file:
        file.write("smiles,id\n")
        file.writelines(f"{smiles[i % len(smiles)]},M{i}\n" for i in range(n))


@dataclass
class Memory:
    """Peaks in MiB: of all processes together, of the program's own, of a worker's."""

    together: float = 0.0
    by_process: dict[int, float] = field(default_factory=dict)
    own: int = 0

    def sample(self, processes: list[int]) -> None:
        now = {process: resident(process) for process in processes}
        self.together = max(self.together, sum(now.values()))
        for process, size in now.items():
            self.by_process[process] = max(size, self.by_process.get(process, 0.0))

    def __str__(self) -> str:
        workers = [size for process, size in self.by_process.items() if process != self.own]
        return (
            f"{self.together:,.0f} MiB at most in all, {self.by_process.get(self.own, 0):,.0f} "
            f"the program, {max(workers, default=0):,.0f} a worker"
        )


class Run:
    """A call of the program."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.memory = Memory(own=self._process.pid)

    def watch(self, time_to_kill: Callable[[], bool]) -> bool:
        """Wait for its end, or kill it when told to; whether it was killed."""
        next_sample = 0.0
        while self._process.poll() is None:
            if time.monotonic() >= next_sample:
                self.memory.sample(processes_of(self._process.pid))
                next_sample = time.monotonic() + 0.25
            if time_to_kill():
                self._kill()
                return True
            time.sleep(0.001)
        if self._process.returncode:
            raise RuntimeError(f"it ended with exit code {self._process.returncode}")
        return False

    def _kill(self) -> None:
        for process in processes_of(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()


def processes_of(main: int) -> list[int]:
    """A process and its children (which have none of their own)."""
    with suppress(OSError):
        return [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]
    return []


def resident(process: int) -> float:
    """Memory that a process holds, in MiB, what it shares with others included."""
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / 2**20
    return 0.0


def kill_again_and_again(
    command: list[str], folder: Path, n_parts: int, arguments: argparse.Namespace
) -> None:
    """Run to the end, with as many kills on the way, at parts drawn at random."""
    rng = np.random.default_rng(arguments.seed)
    points = sorted(rng.integers(0, n_parts, arguments.kills))
    n_writes = 0
    for number, point in enumerate(points):
        now = moment(folder, int(point), rng.uniform(0, 10), inside=number % 2 == 0)
        left = set(being_written(folder))
        if not Run(command).watch(now):
            raise RuntimeError("it ended before it could be killed")
        cut = sorted(set(being_written(folder)) - left)
        n_writes += bool(cut)
        what = f"while it wrote {cut[0]}" if cut else "between writes"
        print(f"killed after {n_done(folder)} of {n_parts} parts, {what}", flush=True)
    Run(command).watch(lambda: False)
    print(f"{len(points)} kills, {n_writes} of them inside a write")


def moment(folder: Path, point: int, delay: float, *, inside: bool) -> Callable[[], bool]:
    """Tells when a part is done and some seconds are over, and a file is being written."""
    reached: list[float] = []
    left = set(being_written(folder))  # by an earlier kill

    def now() -> bool:
        if not reached and n_done(folder) >= point:
            reached.append(time.monotonic())
        waited = reached and time.monotonic() - reached[0] >= delay
        return bool(waited and (not inside or set(being_written(folder)) - left))

    return now


def n_done(folder: Path) -> int:
    journal = folder / "_journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def being_written(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(".part*")]


def compare(whole: Path, killed: Path) -> None:
    """Refuse any file that differs or is too many."""
    names = [sorted(path.name for path in folder.iterdir()) for folder in (whole, killed)]
    if names[0] != names[1]:
        raise RuntimeError(f"other files: {set(names[0]) ^ set(names[1])}")
    for name in names[0]:
        if (whole / name).read_bytes() != (killed / name).read_bytes():
            raise RuntimeError(f"{name} differs")
    size = sum((whole / name).stat().st_size for name in names[0])
    print(f"{len(names[0])} files, {size:,} bytes: the same")


if __name__ == "__main__":
    main()
