"""Pages: escaped, whole, without network; plots and drawings that are valid SVG."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from molmeta.reporting import (
    Facts,
    Figure,
    Molecules,
    Note,
    Ranking,
    Section,
    Table,
    Text,
    render_page,
    write_page,
)
from molmeta.reporting.blocks import Block, MoleculeCard
from molmeta.reporting.molecules import draw
from molmeta.reporting.plots import Series, dot_plot, legend, line_plot

EVIL = "<script>alert('x')</script> & \"co\""


def curve(label: str = "a", style: int = 0) -> Series:
    return Series(label, [16, 64], [0.1, 0.2], [0.05, 0.1], [0.2, math.nan], style)


def test_everything_is_escaped() -> None:
    svg = line_plot([curve(EVIL)], x_label=EVIL, y_label=EVIL, x_ticks=[16, 64])
    blocks: list[Block] = [
        Text(EVIL),
        Note(EVIL),
        Facts({EVIL: EVIL}, {EVIL: EVIL}),
        Table([EVIL], [[EVIL]], EVIL),
        Figure(svg, EVIL, legend([curve(EVIL)])),
        Figure(dot_plot([EVIL], [curve()], x_label=EVIL), EVIL),
        Molecules([MoleculeCard(draw("CCO"), [EVIL], True)], EVIL),
    ]
    page = render_page(EVIL, EVIL, [Section(EVIL, blocks)])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 15


def test_a_page_needs_no_network(tmp_path: Path) -> None:
    svg = line_plot([curve()], x_label="x", y_label="y", x_ticks=[16, 64], log_x=True)
    file = tmp_path / "page.html"
    write_page(file, "T", "S", [Section("One", [Figure(svg, "c")]), Section("Two", [])])
    page = file.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"https?:|url\(|@import|src=|<link|<script", page)
    assert "default-src 'none'" in page
    assert 'href="#part-2">Two' in page


@pytest.mark.parametrize("blocks", [[Text("t")], [Ranking({}, {}, "c")]])
def test_every_colour_that_the_style_uses_is_defined(blocks: list[Block]) -> None:
    page = render_page("T", "S", [Section("One", blocks)])
    style = page.split("<style>")[1].split("</style>")[0]
    defined = {
        name
        for root in re.findall(r"^:root \{([^}]*)\}", style, re.MULTILINE)
        for name in re.findall(r"--\w+(?=:)", root)
    }
    assert set(re.findall(r"var\((--\w+)\)", style)) <= defined


@pytest.mark.parametrize("n", [1, 3, 12])
def test_plots_are_valid_svg_within_their_frame(n: int) -> None:
    series = [curve(f"method {k}", k) for k in range(n)]
    plots = [
        line_plot(series, x_label="x", y_label="y", x_ticks=[16, 64], log_x=True),
        dot_plot(["r", "a very long name of an assay indeed"] * 33, series, x_label="x"),
    ]
    for plot in plots:
        root = ElementTree.fromstring(plot)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        for mark in root.iter():
            for name, value in mark.attrib.items():
                if name in ("x", "cx", "x1", "x2"):
                    assert 0 <= float(value) <= width + 6
                if name in ("y", "cy", "y1", "y2"):
                    assert 0 <= float(value) <= height
        assert root.attrib["aria-label"]


def test_no_two_of_the_first_seven_series_look_alike_without_colour() -> None:
    shapes = set()
    for style in range(7):
        svg = str(legend([curve("a", style)]))
        shapes.add(re.sub(r"#[0-9a-f]{6}", "", svg))
    assert len(shapes) == 7


@pytest.mark.parametrize(
    "values", [[math.nan, math.nan], [0.0, 0.0], [1e-7, 2e-7], [-3e5, 4e5], [5.0, 5.0]]
)
def test_plots_of_odd_values(values: list[float]) -> None:
    series = Series("a", [16, 64], values)
    ElementTree.fromstring(line_plot([series], x_label="x", y_label="y", x_ticks=[16, 64]))
    ElementTree.fromstring(dot_plot(["a", "b"], [Series("a", values, [0, 1])], x_label="x"))


@pytest.mark.parametrize(
    "smiles", ["CCO", "C[C@H](N)C(=O)[O-].[Na+]", "[CH3]", "*C#N", "[2H]O[2H]"]
)
def test_drawings_are_valid_svg(smiles: str) -> None:
    drawing = draw(smiles)
    root = ElementTree.fromstring(drawing)
    assert root.attrib["aria-label"] == smiles
    assert any(path.attrib["d"] for path in root)
    assert len(drawing) < 5000


def test_a_smiles_that_cannot_be_read_is_said_so() -> None:
    assert draw("not a molecule") == Markup('<span class="subtitle">not drawable</span>')


def test_a_ranking_has_one_script_and_inert_data() -> None:
    ranking = Ranking({"rows": [f"{EVIL}</script><!--\ud800"]}, {EVIL: EVIL}, EVIL)
    page = render_page(EVIL, EVIL, [Section(EVIL, [ranking])])
    begins, ends = (re.findall(tag, page) for tag in ("<script[^>]*>", "</script"))
    assert begins == ['<script type="application/json" id="held">', '<script type="module">']
    assert len(ends) == 2
    assert page.count("<!--") == 0
    held = page.split(begins[0])[1].split("</script")[0]
    assert json.loads(held) == ranking.data
    digest = hashlib.sha256(page.split(begins[1])[1].split("</script")[0].encode()).digest()
    assert base64.b64encode(digest).decode() in page.split("<title>")[0]


def test_a_drawing_has_shades_for_its_atoms() -> None:
    drawing = ElementTree.fromstring(draw("CCO", shades=[1.0, -0.5, 0.01]))
    discs = drawing.findall("circle")
    assert [disc.get("fill") for disc in discs] == ["#0072b2", "#e69f00"]
    assert float(discs[0].get("fill-opacity", "")) > float(discs[1].get("fill-opacity", ""))
    assert not ElementTree.fromstring(draw("CCO")).findall("circle")
