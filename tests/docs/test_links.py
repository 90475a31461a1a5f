"""Links and references of every page lead somewhere, and a paper has one address everywhere."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.docs.command import MEASURE, PAGES
from tests.docs.conftest import ROOT

WRITTEN = (*PAGES, ROOT / "CHANGELOG.md", ROOT / "CITATION.cff")
SOURCES = [
    *WRITTEN,
    *(
        file
        for folder in ("molmeta", "cli", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
    ),
    *(ROOT / "datasets").rglob("*.yaml"),
]
FOLDERS = {
    "benchmarks", "cli", "configs", "datasets", "docs", "molmeta", "research", "tests", "tools",
}  # fmt: skip
ARXIV = re.compile(r"(?i)arxiv(?:\.org/\w+/|:\s*)([^\s()\[\],;:'\"`>]+\w)")
DOI = re.compile(r"(?i)\bdoi(?:\.org/|:\s*)([^\s\[\],;'\"`>]*\w)")
CITED = re.compile(
    r"([A-Z]\w+)(?: [A-Z]\w+)?(?:(?:, [A-Z]\w+)* and [A-Z]\w+| et al\.)?,?"  # Finn, Abbeel and …
    r"(?: \"[^\"]+\",?)? (\d{4})\]?,?(?: \"[^\"]+\",)? ?[(\[]*"
    r"(?:https://)?((?:arxiv|arXiv|doi)[^\s)\]]+\w)"
)
"""A surname, co-authors, a title before or after the year or none, and then the address."""


def identifiers(text: str) -> set[str]:
    """Find the papers that a text names: of arXiv by its number, of others by the DOI."""
    return {*ARXIV.findall(text), *DOI.findall(text)}


def first_authors(text: str) -> dict[str, set[str]]:
    """Find by which first authors and years a text names each paper."""
    found = defaultdict(set)
    flat = re.sub(r"\s+", " ", text.replace("\n#", "\n"))
    for name, year, address in CITED.findall(flat):
        for one in identifiers(address):
            found[one].add(f"{name} {year}")
    return found


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_files_that_are_named_are_there(page: Path) -> None:
    assert MEASURE.dead_links(page) == []
    if page.name != "CHANGELOG.md":  # which tells of files that went
        text = MEASURE.FENCE.sub("", page.read_text(encoding="utf-8"))
        named = {word for span in re.findall(r"`([^`\n]+)`", text) for word in span.split()}
        of_here = {word for word in named if "/" in word and word.split("/")[0] in FOLDERS}
        assert {word for word in of_here if not (ROOT / word).exists()} == set()


def test_addresses_of_papers_are_well_formed() -> None:
    found = {one: file for file in SOURCES for one in identifiers(file.read_text("utf-8"))}
    assert len(found) > 30
    form = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}|10\.\d{4,9}/\S+")
    assert {one: file.name for one, file in found.items() if not form.fullmatch(one)} == {}


def test_a_paper_has_one_address_and_an_address_one_paper() -> None:
    papers: dict[str, set[str]] = defaultdict(set)
    for file in SOURCES:
        for one, names in first_authors(file.read_text(encoding="utf-8")).items():
            papers[one] |= names
    assert papers["1703.03400"] == {"Finn 2017"}
    assert papers["1606.04080"] == {"Vinyals 2016"}
    assert papers["1803.02999"] == {"Nichol 2018"}
    assert {one: names for one, names in papers.items() if len(names) > 1} == {}
    named = [name for names in papers.values() for name in names]
    assert {name for name in named if named.count(name) > 1} == set()


def test_a_wrong_address_is_seen() -> None:
    text = 'Finn et al. 2017, arXiv:1703.0340v2; (Li, Wu and Yi 2019,\n"On x", doi:10.1/x)'
    assert first_authors(text) == {"1703.0340v2": {"Finn 2017"}, "10.1/x": {"Li 2019"}}
    page = "([Hu et al. 2020](https://arxiv.org/abs/1905.12265)), see https://doi.org/10.1021/ab."
    assert first_authors(page) == {"1905.12265": {"Hu 2020"}}
    assert identifiers(page) == {"1905.12265", "10.1021/ab"}
