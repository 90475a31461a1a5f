"""The built site in a browser: no page wider than a phone, nothing fetched, search that finds."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
CUT = """[...document.querySelectorAll(
  '.bd-article code, .bd-article dt.sig, .bd-sidebar-secondary code, #search-results p')]
  .filter(one => !one.closest('pre, table') && one.checkVisibility()
    && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.textContent)"""
"""Names that leave the window without making the page wider, and are cut there."""

pytestmark = pytest.mark.slow


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that prints no line a request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, its notebooks not executed."""
    for module in ("sphinx", "myst_nb", "pydata_sphinx_theme"):
        pytest.importorskip(module, reason=f"the extra 'docs' is not installed: no {module}")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-D", "nb_execution_mode=off", "-d", out / ".trees", ROOT / "docs", out],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    handler = partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_pages_fit_and_fetch_nothing(site: Path, address: str, width: int, scheme: str) -> None:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    pages = sorted(file.relative_to(site).as_posix() for file in site.rglob("*.html"))
    assert len(pages) > 50
    wide, fetched, errors = [], [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        ).new_page()
        page.on("request", lambda asked: fetched.append(asked.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        for name in pages:
            page.goto(address + name)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wide.append(name)
            wide += page.evaluate(CUT)
        page.goto(f"{address}search.html?q=prevalence")
        page.wait_for_selector("#search-results li", timeout=20_000)
        wide += page.evaluate(CUT)
        browser.close()
    assert wide == []
    assert {url for url in fetched if not url.startswith((address, "data:"))} == set()
    assert errors == []
