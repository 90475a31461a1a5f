"""The page: one HTML file with everything in it, from its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from molmeta import __version__
from molmeta.reporting.blocks import Section
from molmeta.resources import write_atomically


def render_page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Write the page as HTML; whatever is not markup is escaped.

    >>> from molmeta.reporting import Text
    >>> page = render_page("Screening", "two molecules", [Section("Hits", [Text("1 < 2")])])
    >>> "1 &lt; 2" in page
    True

    Args:
        title: The page's heading.
        subtitle: One line below it.
        sections: In order; each is linked from the top.
    """
    environment = Environment(
        loader=PackageLoader("molmeta.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    return template.render(title=title, subtitle=subtitle, sections=sections, version=__version__)


def write_page(file: Path, title: str, subtitle: str, sections: Sequence[Section]) -> None:
    """Write the page as a whole; see `render_page`.

    >>> from molmeta.reporting import Text
    >>> write_page(Path("page.html"), "Screening", "a sentence", [Section("Hits", [Text("None.")])])
    >>> Path("page.html").exists()
    True
    """
    with write_atomically(file) as temporary:
        # Names of files need not be UTF-8.
        page = render_page(title, subtitle, sections)
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")
