"""The prediction report in a browser, offline: sort, search, filter, explain, export, print."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rdkit import Chem

from molmeta import FewShotClassifier
from molmeta.assays import open_library
from molmeta.predict import predict_table
from molmeta.predict.report import write_report

pytestmark = pytest.mark.slow

MEASURED = [
    ("CCn1cc(C(=O)O)c(=O)c2cc(F)c(N3CCNCC3)cc21", 7.4),
    ("CN1CCN(c2c(F)cc3c(=O)c(C(=O)O)cn(CCF)c3c2F)CC1", 7.1),
    ("CCn1cc(C(=O)O)c(=O)c2cc(F)c(N3CCNC(C)C3)c(F)c21", 6.9),
    ("CCn1cc(C(=O)O)c(=O)c2cc(F)c(N3CCN(C)CC3)cc21", 6.6),
    ("CC(C(=O)O)c1cccc(C(=O)c2ccccc2)c1", 4.0),
    ("CC(C)Cc1ccc(C(C)C(=O)O)cc1", 4.3),
    ("Cc1cccc(Nc2ccccc2C(=O)O)c1C", 4.5),
    ("OC(=O)Cc1ccccc1Nc1c(Cl)cccc1Cl", 4.8),
]
HTML = "<img src=x onerror=document.title=1></script><script>document.title=2</script>"
LIBRARY = [
    ('=HYPERLINK("x")', "O=C(O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O", "-12.5"),
    (HTML, "O=C(O)Cc1ccccc1", "@SUM(1)"),
    ("ctl\x07\x1b[31m\u202egnp.exe", "OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F", "$$$$"),
    ("n" * 10_000, "CC(=O)Oc1ccccc1C(=O)O", ">  <p_active>"),
    ("toluene", "Cc1ccccc1", ""),
    ("broken", "C(", "1"),
    ("measured again", MEASURED[5][0], "2"),
]


def _report(folder: Path, library: list[tuple[str, str, str]]) -> Path:
    table = pd.DataFrame(library, columns=["name", "smiles", "=own"])
    table.to_parquet(folder / "library.parquet")
    smiles, values = zip(*MEASURED, strict=True)
    classifier = FewShotClassifier().fit(smiles, [int(v > 6) for v in values], values)
    found = predict_table(classifier, open_library(folder / "library.parquet"), properties=True)
    names = [HTML, *(f"M-{i}" for i in range(2, 8)), "m" * 500]
    write_report(found, HTML, folder / "report.html", names)
    return folder / "report.html"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _report(tmp_path_factory.mktemp("report"), LIBRARY)


@pytest.fixture(params=[1280, 390])
def page(browser: Any, report: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The report, at the width of a desk or of a phone; it may neither complain nor go out."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
        offline=True,
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: complaints.append(asked.url))
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-ready]")
    yield page
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    context.close()
    assert [one for one in complaints if not one.startswith(("data:", "blob:"))] == [
        report.as_uri()
    ]
    assert wide <= room


def names(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        ".tabulator-row", "all => all.map((row) => row.querySelector('.name').textContent)"
    )
    return found


def downloaded(page: Any, button: str) -> str:
    with page.expect_download() as begun:
        page.click(button)
    return Path(begun.value.path()).read_text("utf-8-sig")


def test_new_molecules_are_ranked_and_measured_ones_hidden(page: Any) -> None:
    shown = names(page)
    assert len(shown) == 5
    assert shown[0] == '=HYPERLINK("x")'
    assert "measured again" not in shown
    page.uncheck("#new")
    page.wait_for_selector("#count:text-is('6 molecules')")
    assert names(page)[-1] == "measured again"
    last = page.locator(".tabulator-row").last.locator(".tabulator-cell[tabulator-field=rank]")
    assert last.text_content() == ""


def test_searches_and_filters(page: Any) -> None:
    page.fill("#search", "TOLU")
    page.wait_for_selector("#count:text-is('1 of 6 molecules')")
    page.fill("#search", "Cn1cncn1")
    page.wait_for_selector(".tabulator-row >> nth=0 >> text=gnp.exe")
    page.fill("#search", "")
    page.fill("#substructure", "c1ccccc1C(=O)O")
    page.wait_for_selector(".tabulator-row >> nth=0 >> text=nnnnnnnn")
    assert page.text_content("#count") == "1 of 6 molecules"
    page.fill("#substructure", "xyz")
    page.wait_for_selector("text=is no structure")
    page.fill("#substructure", "")
    page.fill("#most-mw", "100")
    page.wait_for_selector("#count:text-is('1 of 6 molecules')")
    assert names(page) == ["toluene"]
    page.fill("#most-mw", "")
    page.select_option("#group", index=1)  # benzene, the one scaffold of several molecules
    page.wait_for_selector("#core img")
    page.wait_for_selector("#count:text-is('3 of 6 molecules')")
    page.check("#one-each")
    page.wait_for_selector("#count:text-is('1 of 6 molecules')")
    page.select_option("#group", "")
    page.wait_for_selector("#count:text-is('3 of 6 molecules')")
    page.uncheck("#one-each")
    page.fill("#least", "95")
    page.wait_for_selector("#count:text-matches('^[01] of 6')")


def test_sorts(page: Any) -> None:
    title = page.locator(".tabulator-col-title:text-is('Chance')")
    best = names(page)
    title.click()
    title.click()
    page.wait_for_function(
        "first => document.querySelector('.tabulator-row .name').textContent !== first", arg=best[0]
    )
    assert names(page) == best[::-1]


def test_says_why(page: Any) -> None:
    page.click(".tabulator-row >> nth=0")
    page.wait_for_selector("#why .reasons li")
    assert page.locator("#why .reasons li").count() == 3
    assert page.evaluate("document.querySelector('#why .big img').naturalWidth") > 0
    assert re.search(r"speaks (for|against), \d+ % of the decision", page.text_content("#why-body"))
    assert re.search(r"Predicted value: \d\.\d\d \(\d\.\d\d to", page.text_content("#why-body"))
    page.click("#why button:text-is('Copy SMILES')")
    page.wait_for_selector("#taken:text-is('1 SMILES copied.')", state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == LIBRARY[0][1]
    page.click("#why .close")


def test_hostile_text_stays_text(page: Any, report: Path) -> None:
    shown = names(page)
    assert HTML in shown
    assert "ctl [31m gnp.exe" in shown
    assert max(map(len, shown)) == 120
    for row in range(5):
        page.locator(".tabulator-row").nth(row).click()
        page.click("#why .close")
    assert page.title().startswith("Predictions: <img")
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert b"\x07" not in report.read_bytes()


def test_exports_run_nothing(page: Any) -> None:
    header, *rows = csv.reader(io.StringIO(downloaded(page, "#csv")))
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert [one["rank"] for one in cells] == ["1", "2", "3", "4", "5"]
    assert cells[0]["name"] == '\'=HYPERLINK("x")'
    own = {one["name"]: one["'=own"] for one in cells}
    assert own['\'=HYPERLINK("x")'] == "-12.5"
    assert own[HTML] == "'@SUM(1)"
    assert all(one["nearest_measured"] for one in cells)

    supplier = Chem.SDMolSupplier()
    supplier.SetData(downloaded(page, "#sdf"))
    found = {mol.GetProp("rank"): mol for mol in supplier}
    assert len(found) == 5
    for one in cells:
        mol = found[one["rank"]]
        assert Chem.MolToSmiles(mol) == Chem.CanonSmiles(one["smiles"])
        assert mol.GetProp("p_active") == one["p_active"]
        assert mol.GetProp("_Name") == one["name"][:80]
    values = {mol.GetProp("=own") for mol in found.values() if mol.HasProp("=own")}
    assert values == {"-12.5", "'@SUM(1)", "'$$$$", "'> <p_active>"}


def test_what_is_chosen_is_exported_alone(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-ready]")
    page.locator(".choose input").nth(1).check()
    assert not page.is_visible("#why")
    assert "1 chosen molecule" in page.text_content("#taken")
    _, *rows = csv.reader(io.StringIO(downloaded(page, "#csv")))
    assert [row[0] for row in rows] == ["2"]
    page.click("#unchoose")
    assert page.text_content("#taken") == "All shown:"
    assert page.locator(".choose input:checked").count() == 0
    page.close()


def test_paper_has_what_the_screen_shows(page: Any) -> None:
    page.fill("#search", "tolu")
    page.wait_for_selector("#count:text-is('1 of 6 molecules')")
    assert page.pdf()[:4] == b"%PDF"
    page.emulate_media(media="print")
    assert page.locator("#paper tbody tr").count() == 1
    assert "toluene" in page.inner_text("#paper")
    assert not page.is_visible("#table")
    assert page.is_visible("#part-3 .card >> nth=0")
    page.emulate_media(media="screen")


def test_two_thousand_molecules_stay_small_and_answer(browser: Any, tmp_path: Path) -> None:
    smiles = [
        f"{'C' * (i % 40 + 1)}{'NOS'[i % 3]}c1ccc({'C' * (i // 40 + 1)})cc1" for i in range(2100)
    ]
    file = _report(tmp_path, [(f"L-{i}", one, "") for i, one in enumerate(smiles)])
    assert file.stat().st_size < 6e6
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    page.wait_for_selector("#count:text-is('2,000 molecules')")
    page.fill("#substructure", "Sc1ccccc1")
    page.wait_for_selector("#count:text-matches('^[5-7][0-9][0-9] of 2,000')")
    assert "100 more are in the table" in page.text_content("main")
    page.close()
