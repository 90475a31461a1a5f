"""Fifty rankings by eight clients at once: each is answered or refused, and memory stays flat."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc"),
]

N_RANKINGS, N_CLIENTS, N_MOLECULES = 50, 8, 200
ATOMS = ("C", "N", "O", "S")


def molecules(number: int) -> list[str]:
    return [
        f"c1ccc({'C' * (i % 7)}{ATOMS[i % 4]}{'C' * (number % 5 + 1)})cc1"
        for i in range(N_MOLECULES)
    ]


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


def rank(server: Any, number: int) -> str:
    known = [("CCOc1ccccc1", True), ("CCNc1ccccc1", True), ("CCCCO", False), ("CC(C)O", False)]
    content = {
        "measured": [{"smiles": smiles, "active": active} for smiles, active in known],
        "molecules": molecules(number),
    }
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{server.address}api/v1/rank", json.dumps(content).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            events = [json.loads(line) for line in answer]
    except urllib.error.HTTPError as error:
        time.sleep(2)  # as clients do that are told to try again
        return str(error.code)
    n = sum(len(event.get("molecules", [])) for event in events)
    return "ranked" if n == N_MOLECULES and events[-1]["event"] == "finished" else "broken"


def test_fifty_rankings_by_eight_clients(server: Any) -> None:
    for number in range(3):
        assert rank(server, number) == "ranked"
    before = megabytes(server.pid)
    with ThreadPoolExecutor(N_CLIENTS) as pool:
        told = Counter(pool.map(lambda number: rank(server, number), range(N_RANKINGS)))
    after = megabytes(server.pid)
    assert set(told) <= {"ranked", "429"}
    assert told["ranked"] >= 5
    assert after < before + 150, (told, before)
