"""A client that holds a page's token, and a server as a user starts it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.page_load import Server, serving
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """`molmeta serve` in a process of its own."""
    with serving() as running:
        yield running
