"""`molmeta serve`: where it listens, what it refuses, and how it ends."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from molmeta_cli.serve import serve

from molmeta.errors import InputError

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")


def test_what_cannot_be_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=r"port \d+; got Address already in use"):
            serve(port=taken.getsockname()[1])
    with pytest.raises(InputError, match="without a token"):
        serve(host="0.0.0.0")
    with pytest.raises(InputError, match="at least 8"):
        serve(token="short")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def find_all_but(name: str, *rest: Any) -> Any:
        return None if name == "fastapi" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find_all_but)
    with pytest.raises(InputError, match=r"pip install 'molmeta\[web\]'"):
        serve()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_it_starts_without_torch_and_ends_quietly() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'cli'}"}
    command = [sys.executable, "-m", "molmeta_cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
            break
        except OSError:
            time.sleep(0.1)
    assert b"molmeta" in page
    maps = Path(f"/proc/{process.pid}/maps")
    if maps.exists():
        assert "libtorch" not in maps.read_text()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said.splitlines()[0] == f"molmeta's page: http://127.0.0.1:{port}/"
    assert "Traceback" not in said
    assert len(said.splitlines()) == 2
