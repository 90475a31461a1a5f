"""A client that holds a page's token, and a server as a user starts it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from molmeta.web.settings import Settings

ADDRESS = "http://127.0.0.1:8765"


@pytest.fixture(scope="session")
def client() -> Iterator[object]:
    """A page's own client; the processes behind it serve all tests."""
    for module in ("fastapi", "multipart", "httpx2"):
        pytest.importorskip(module, reason=f"the extra 'web' is not installed: no {module}")
    from fastapi.testclient import TestClient

    from molmeta.web.app import create_app

    with TestClient(create_app(Settings(workers=1)), base_url=ADDRESS) as client:
        found = re.search('name="token" content="([^"]+)"', client.get("/").text)
        assert found
        client.headers["X-Molmeta-Token"] = found[1]
        yield client


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


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """`molmeta serve` in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port, token = free.getsockname()[1], "correct-horse-battery"
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'cli'}"}
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
    yield Server(address, process.pid, token)
    process.terminate()
    process.wait(15)
