"""Measure the documentation: words, sentences, links and code, page by page.

    python docs/measure.py

prints a table, and ends with 1 where a page is over a limit or a link leads nowhere.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_WORDS, MOST_WORDS_OF_README, LONGEST_MEAN = 1500, 900, 20.0
FENCE = re.compile(r"^(`{3,})(\S*)[^\n]*\n(.*?)^\1[ ]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: What stands behind the fence, such as `python` or `{code-cell}`.
        code: What stands between the fences.
    """

    language: str
    code: str


def pages() -> list[Path]:
    """List the README and the pages of the site that people wrote."""
    written = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(p for p in written if not {"_build", "generated"} & {*p.parts})]


def blocks(text: str) -> list[Block]:
    """Find the fenced blocks of a page, in order."""
    return [Block(found[2], found[3]) for found in FENCE.finditer(text)]


def prose(text: str) -> str:
    """Leave a page's words: no front matter, no fenced blocks, no addresses, no pictures."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = FENCE.sub("", text)
    text = re.sub(r"^:{3,}.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"!\[[^]]*\]\([^)]*\)|<[^>\n]+>", "", text)
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)


def words(text: str) -> list[str]:
    """List the words of a page, those of its tables too."""
    return [word for word in re.findall(r"\S+", prose(text)) if re.search(r"\w", word)]


def sentences(text: str) -> list[str]:
    """List the sentences of a page, without headings, tables and formulas."""
    found: list[str] = []
    lines = [line for line in prose(text).splitlines() if not re.match(r"[#|>]", line)]
    for paragraph in re.split(r"\n\s*(?:[-*]|\d+\.) |\n\s*\n", "\n" + "\n".join(lines)):
        flat = re.sub(r"\bet al\.", "et al", " ".join(paragraph.split()))
        found += [one for one in re.split(r"(?<=[.!?])[*_\"”)]*\s+", flat) if re.search(r"\w", one)]
    return found


def mean_sentence(text: str) -> float:
    """Give the mean number of words of a page's sentences."""
    found = sentences(text)
    return sum(len(words(one)) for one in found) / max(1, len(found))


def dead_links(page: Path) -> list[str]:
    """List the links of a page whose file or heading is not there; addresses are not looked up."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", _text(page)))
    return [link for link in _LINK.findall(text) if not _leads(page, link)]


def _leads(page: Path, link: str) -> bool:
    if "://" in link or "generated/" in link:
        return True  # what is generated is there once the site is built, which holds these links
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    return target.exists() and (not anchor or anchor in _anchors(_text(target)))


def _anchors(text: str) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def main() -> int:
    """Print the table; give the exit code."""
    wrong, n_words, n_sentences = 0, 0, 0
    print(f"{'page':36} {'words':>6} {'words a sentence':>17}  dead links")
    for page in pages():
        text, dead = _text(page), dead_links(page)
        n, mean = len(words(text)), mean_sentence(text)
        readme = page.name == "README.md"
        over = n > (MOST_WORDS_OF_README if readme else MOST_WORDS) or mean > LONGEST_MEAN
        n_words, n_sentences = n_words + n, n_sentences + len(sentences(text))
        wrong += over or bool(dead)
        name = str(page.relative_to(ROOT))
        print(f"{name:36} {n:6} {mean:17.1f}  {' '.join(dead)}{'  <- over' if over else ''}")
    print(f"{len(pages())} pages, {n_words:,} words, {n_sentences:,} sentences")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
