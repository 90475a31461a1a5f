"""Rankings by many clients at once against the page's server: how many are answered, and memory.

    python benchmarks/page_load.py [--rankings 50] [--clients 8] [--molecules 200]

Starts `molmeta serve`, and asks as clients do that try again later where the queue is full (429).
Memory is that of the server and of all processes that it started. It needs Linux (/proc).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ATOMS = ("C", "N", "O", "S")
KNOWN = {"CCOc1ccccc1": True, "CCNc1ccccc1": True, "CCCCO": False, "CC(C)O": False}
WARM_UP = 3
SECONDS_BETWEEN = 2  # before a client that was refused asks for its next ranking


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        address: Its page.
        pid: Its process.
        token: What it answers to.
    """

    address: str
    pid: int
    token: str


@contextmanager
def serving() -> Iterator[Server]:
    """Give `molmeta serve` in a process of its own, as a user starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port, token = free.getsockname()[1], secrets.token_urlsafe(16)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'cli'}"}
    command = [sys.executable, "-m", "molmeta_cli", "serve", "--port", str(port), "--token", token]
    process = subprocess.Popen(command, env=environment)
    address = f"http://127.0.0.1:{port}/"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}static/page.css")
            break
        except OSError:
            time.sleep(0.2)
    try:
        yield Server(address, process.pid, token)
    finally:
        process.terminate()
        process.wait(15)


def megabytes(pid: int) -> float:
    """Resident memory of a process and all that it started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    tree = [child for task in tasks for child in task.read_text().split()]
    own = next(
        int(line.split()[1])
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return own / 1024 + sum(megabytes(int(child)) for child in tree)


def rank(server: Server, number: int, n_molecules: int) -> str:
    """Ask for a ranking: `ranked`, the status of a refusal, or `broken`."""
    molecules = [
        f"c1ccc({'C' * (i % 7)}{ATOMS[i % 4]}{'C' * (number % 5 + 1)})cc1"
        for i in range(n_molecules)
    ]
    measured = [{"smiles": smiles, "active": active} for smiles, active in KNOWN.items()]
    content = json.dumps({"measured": measured, "molecules": molecules}).encode()
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.address}api/v1/rank", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            events = [json.loads(line) for line in answer]
    except urllib.error.HTTPError as error:
        time.sleep(SECONDS_BETWEEN)
        return str(error.code)
    n = sum(len(event.get("molecules", [])) for event in events)
    return "ranked" if n == n_molecules and events[-1]["event"] == "finished" else "broken"


@dataclass(frozen=True)
class Load:
    """What became of a load.

    Attributes:
        told: How many rankings ended how.
        before: Resident memory after a few rankings, in megabytes.
        after: After all of them.
        seconds: How long they took.
    """

    told: Counter[str]
    before: float
    after: float
    seconds: float


def load(server: Server, n_rankings: int, n_clients: int, n_molecules: int) -> Load:
    """Have clients ask for rankings at once."""
    for number in range(WARM_UP):
        if (told := rank(server, number, n_molecules)) != "ranked":
            raise RuntimeError(f"a ranking without any load: {told}")
    before, start = megabytes(server.pid), time.monotonic()
    with ThreadPoolExecutor(n_clients) as pool:
        answers = Counter(pool.map(lambda i: rank(server, i, n_molecules), range(n_rankings)))
    return Load(answers, before, megabytes(server.pid), time.monotonic() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rankings", type=int, default=50)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--molecules", type=int, default=200)
    options = parser.parse_args()
    with serving() as server:
        found = load(server, options.rankings, options.clients, options.molecules)
    for told, count in found.told.most_common():
        print(f"{told:>7} {count:>4}")
    print(f"{found.seconds:.0f} s; memory {found.before:.0f} MB before, {found.after:.0f} MB after")


if __name__ == "__main__":
    main()
