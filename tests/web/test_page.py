"""The page in a browser: paste, upload, draw, correct, rank, sort, filter, explain, download."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from molmeta import FewShotClassifier
from molmeta.predict.learnt import LearntAssay

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytestmark = pytest.mark.slow

MEASURED = """name\tsmiles\tIC50 (nM)
M-1\tCCn1cc(C(=O)O)c(=O)c2cc(F)c(N3CCNCC3)cc21\t40
M-2\tCN1CCN(c2c(F)cc3c(=O)c(C(=O)O)cn(CCF)c3c2F)CC1\t75
M-3\tCCn1cc(C(=O)O)c(=O)c2cc(F)c(N3CCNC(C)C3)c(F)c21\t120
M-4\tCC(C(=O)O)c1cccc(C(=O)c2ccccc2)c1\t>10000
M-5\tCC(C)Cc1ccc(C(C)C(=O)O)cc1\t45000
M-6\tCc1cccc(Nc2ccccc2C(=O)O)c1C\t30000
"""
LIBRARY = """name,smiles,price
=HYPERLINK("x"),CCn1cc(C(=O)O)c(=O)c2cc(F)c(N3CCN(C)CC3)cc21,-12.5
"<img src=x onerror=document.title=1>",OC(=O)Cc1ccccc1Nc1c(Cl)cccc1Cl,3
fluconazole,OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F,5
broken,C(,1
M-5 again,CC(C)Cc1ccc(C(C)C(=O)O)cc1,2
"""


@pytest.fixture(params=[1280, 390])
def page(browser: Any, server: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page, at the width of a desk or of a phone; it may neither complain nor go out."""
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.set_default_timeout(30_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((server.address, "data:", "blob:"))
            else complaints.append(asked.url)
        ),
    )
    page.goto(f"{server.address}?token={server.token}")
    page.wait_for_selector("body[data-ready]")
    yield page
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    expected = [said for said in complaints if "422" not in said]  # a refused table
    page.close()
    assert expected == []
    assert wide <= room


def rank(page: Any) -> None:
    page.click("#rank:enabled")
    page.wait_for_selector("#results:visible", timeout=200_000)
    page.wait_for_selector(".tabulator-row")


def paste(page: Any, what: str, text: str) -> None:
    """Paste as a browser does: typing a thousand lines takes it seconds."""
    page.evaluate(
        """([id, text]) => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          const area = document.getElementById(id);
          area.select();
          const how = { clipboardData: data, cancelable: true };
          area.dispatchEvent(new ClipboardEvent("paste", how));
        }""",
        [f"{what}-text", text],
    )


def until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait; the page's policy forbids the browser to evaluate a condition."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def names(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        ".tabulator-row .name", "all => all.map((one) => one.textContent)"
    )
    return found


def test_the_walk(page: Any, tmp_path: Path) -> None:
    page.fill("#measured-text", MEASURED)
    page.wait_for_selector("text=6 molecules: 3 active, 3 inactive")
    assert "below 1,000 nM" in page.text_content("#measured-notes")
    library = tmp_path / "my library.csv"
    library.write_text(LIBRARY)
    page.set_input_files("#library-file", library)
    page.wait_for_selector("text=5 molecules to rank")
    rank(page)
    assert names(page)[0] == '=HYPERLINK("x")'
    assert page.title() == "molmeta – rank a library"
    assert page.text_content("#summary").startswith("3 new molecules ranked by 6 measured ones")
    assert "1 row could not be read" in page.text_content("#unread")

    page.fill("#search", "fluco")
    page.wait_for_selector("text=1 of 4 molecules")
    page.fill("#search", "")
    page.fill("#substructure", "c1ccccc1Nc1ccccc1")
    page.wait_for_selector(".tabulator-row >> nth=0 >> text=<img")
    assert page.text_content("#count") == "1 of 4 molecules"
    page.fill("#substructure", "xyz")
    page.wait_for_selector("text=is no structure")
    page.fill("#substructure", "")
    page.uncheck("#new")
    page.wait_for_selector("#count:text-is('4 molecules')")

    first = names(page)[0]
    page.click(".tabulator-col-title:text-is('Chance')")
    page.click(".tabulator-col-title:text-is('Chance')")
    until(lambda: names(page)[0] != first)

    page.click(".tabulator-row >> nth=0")
    page.wait_for_selector("#why .reasons li")
    assert page.locator("#why .reasons li").count() == 6
    assert page.evaluate("document.querySelector('#why .big img').naturalWidth") > 0
    page.click("#why .close")


def test_the_download_is_safe_in_a_spreadsheet(page: Any) -> None:
    page.fill("#measured-text", MEASURED)
    page.fill("#library-text", LIBRARY)
    rank(page)
    with page.expect_download() as begun:
        page.click("#download")
    text = Path(begun.value.path()).read_text("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text))
    assert header == [
        "rank", "name", "smiles", "price", "p_active", "score", "status", "reason",
        "nearest_support", "nearest_similarity", "in_domain", "already_measured", "next",
    ]  # fmt: skip
    assert rows[0][:4] == ["1", '\'=HYPERLINK("x")', rows[0][2], "-12.5"]
    assert [row[0] for row in rows] == ["1", "2", "3", ""]
    assert rows[-1][1] == "broken"
    assert rows[-1][6] == "rejected"


def test_the_next_batch(page: Any) -> None:
    page.click("#example")
    rank(page)
    page.fill("#batch-size", "3")
    page.click("#batch button")
    page.wait_for_selector("text=3 of 75 molecules")
    assert page.is_checked("#batch-only")
    assert page.text_content(".tabulator-row >> nth=0").startswith("next 1")


def test_a_workbook_whose_column_is_corrected(page: Any, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["what", "SMILES", "mystery"], ["A", "CCO", 12], ["B", "CCN", 45000]):
        book.active.append(row)
    book.save(tmp_path / "assay.xlsx")
    page.set_input_files("#measured-file", tmp_path / "assay.xlsx")
    page.wait_for_selector("#measured-status.problem")
    refused = page.text_content("#measured-status")
    assert "assay.xlsx" in refused
    assert "“Measured value”" in refused
    page.select_option("#measured-form [name=value_column]", "mystery")
    page.fill("#measured-form [name=units]", "nM")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=2 molecules: 1 active, 1 inactive")
    page.fill("#measured-form [name=threshold]", "4")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=2 molecules: 2 active, 0 inactive")
    assert page.is_disabled("#rank")


def test_a_learnt_assay_is_a_table_of_measured_molecules(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.molmeta"
    known = {"CCOc1ccccc1": True, "CCNc1ccccc1": True, "CCCCO": False, "CC(C)O": False}
    learnt = FewShotClassifier(prevalence=0.01).fit(list(known), list(known.values()))
    LearntAssay("mine", learnt).save(file)
    page.set_input_files("#measured-file", file)
    page.wait_for_selector("#measured-status.good")
    assert "4 molecules: 2 active, 2 inactive" in page.inner_text("#measured-status")
    assert "Learnt before by the model" in page.inner_text("#measured-notes")
    assert not page.is_visible("#measured-columns")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.post_data or "") if "rank" in one.url else None)
    page.fill("#library-text", "CCOc1ccccc1C\nCCCO\n")
    rank(page)
    assert '"prevalence":0.01' in asked[0]


@pytest.mark.parametrize("way", ["button", "leaving"])
def test_cancelling_makes_room(page: Any, way: str) -> None:
    page.fill("#measured-text", MEASURED)
    smiles = [f"{'C' * (i % 10 + 1)}N{'CO'[i % 2] * (i // 300 + 1)}F\n" for i in range(3000)]
    paste(page, "library", "".join(smiles))
    page.click("#rank:enabled")
    page.wait_for_selector("#rank-status:has-text('of 3,000')", timeout=200_000)
    if way == "button":
        page.click("#cancel")
        page.wait_for_selector("text=Cancelled.")
    else:
        page.reload()
        page.wait_for_selector("body[data-ready]")
        page.fill("#measured-text", MEASURED)
    start = time.monotonic()
    page.fill("#library-text", "CCO\n")
    page.wait_for_selector("text=1 molecule to rank")
    rank(page)
    assert time.monotonic() - start < 30


def test_a_drawn_molecule(page: Any) -> None:
    page.click("#draw")
    page.click("#drawing [data-add=active]")
    page.wait_for_selector("text=Draw a molecule first.")
    box = page.locator("#editor canvas").last.bounding_box()
    page.mouse.click(box["x"] + 150, box["y"] + 150)
    page.click("#drawing [data-add=active]")
    page.wait_for_selector("text=1 molecule: 1 active, 0 inactive")


def test_a_million_rows_are_refused_and_the_page_lives(page: Any) -> None:
    paste(page, "library", "CCO\n" * 1_000_000)
    page.wait_for_selector("#library-status.problem")
    assert "50,000 rows at most" in page.text_content("#library-status")
    paste(page, "library", "CCO\n" * 2_000)
    page.wait_for_selector("text=2,000 molecules to rank")


def test_what_is_too_large_is_said_before_it_is_sent(page: Any, tmp_path: Path) -> None:
    (tmp_path / "huge.csv").write_bytes(b"smiles\n" + b"CCO\n" * 5_500_000)
    page.set_input_files("#library-file", tmp_path / "huge.csv")
    page.wait_for_selector("text=huge.csv has 22.0 MB; 20 MB at most are read here.")
