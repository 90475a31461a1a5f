"""Fifty rankings by eight clients at once: each is answered or refused, and memory stays flat."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.page_load import Server, load

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc"),
]


def test_fifty_rankings_by_eight_clients(server: Server) -> None:
    found = load(server, n_rankings=50, n_clients=8, n_molecules=200)
    assert set(found.told) <= {"ranked", "429"}
    assert sum(found.told.values()) == 50
    assert found.told["ranked"] >= 5
    assert found.after < found.before + 150, found
