"""The page: one HTML file with everything in it, from its blocks."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from molmeta import __version__
from molmeta.reporting.blocks import Section
from molmeta.reporting.script import STATIC, join_modules
from molmeta.resources import write_atomically

_OWN_STYLE = Path(__file__).with_name("page.css")
_TABLE_STYLES = (STATIC / "vendor" / "tabulator.css", STATIC / "common.css", _OWN_STYLE)
_SCRIPT = STATIC / "js" / "report.js"
_LICENCES = {
    "OpenChemLib JS, which draws and searches molecules": "openchemlib.LICENSE",
    "Tabulator, which shows the table": "tabulator.LICENSE",
}


def render_page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Write the page as HTML; whatever is not markup is escaped.

    A page with a ranking has a script, and no other may run on it; other pages have none.

    >>> from molmeta.reporting import Text
    >>> page = render_page("Screening", "two molecules", [Section("Hits", [Text("1 < 2")])])
    >>> "1 &lt; 2" in page, "<script" in page
    (True, False)

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
    environment.filters["as_json"] = _as_json
    runs = any(block.kind == "ranking" for section in sections for block in section.blocks)
    style = "".join(map(_read, _TABLE_STYLES if runs else [_OWN_STYLE]))
    script = join_modules(_SCRIPT) if runs else ""
    return environment.get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        policy=Markup(_policy(style, script)),
        licences={who: _read(STATIC / "vendor" / name) for who, name in _LICENCES.items()},
    )


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
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace", newline="\n")


def _policy(style: str, script: str) -> str:
    """Write a content security policy: this style, this script, drawings, and nothing else."""
    rules = ["default-src 'none'", f"style-src {_hash(style)}", "base-uri 'none'"]
    rules += [f"script-src {_hash(script)}", "img-src data:"] if script else []
    return "; ".join([*rules, "form-action 'none'"])


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _as_json(value: Mapping[str, Any]) -> Markup:
    """Write JSON that may stand in a script element: in strings "<" and ">" are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
