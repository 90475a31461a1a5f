"""The script of a page: the modules that the browser would load, joined into one text.

`molmeta serve` sends the same modules one by one. A file on disk cannot load others, and the
policy of a page allows its one script by a hash.
"""

import re
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "web" / "static"
"""Where the scripts, styles and licences of pages lie."""

_IMPORT = re.compile(r'^import \{ ([^}]*) \} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:class|const|function|async function) ([\w$]+))", re.MULTILINE)
_EXPORTED = re.compile(r"\bexport ?\{((?:[\w$]+ as [\w$]+,?)+)\};")


def join_modules(entry: Path) -> str:
    """Join a module and all that it imports, each in a function of its own.

    Modules import by names alone, `import { a, b as c } from "./other.js";`, and export what they
    declare or, as minified ones do, a list at their end.

    >>> script = join_modules(STATIC / "js" / "csv.js")
    >>> "return { inert, cell, write, save };" in script, "export " in script
    (True, False)
    """
    found: dict[Path, str] = {}
    _add(entry.resolve(), found)
    script = "\n".join(["const modules = {};", *found.values()])
    # Neither may stand in a script element.
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _add(file: Path, found: dict[Path, str]) -> None:
    """Add a module behind those that it imports."""
    if file in found:
        return
    text = file.read_text(encoding="utf-8")
    for _, name in _IMPORT.findall(text):
        _add((file.parent / name).resolve(), found)

    def taken(match: re.Match[str]) -> str:
        names = match[1].replace(" as ", ": ")
        return f'const {{ {names} }} = modules["{(file.parent / match[2]).resolve().name}"];\n'

    text = _IMPORT.sub(taken, text)
    given = _EXPORT.findall(text)
    text = _EXPORT.sub("", text)
    for names in _EXPORTED.findall(text):
        pairs = (pair.split(" as ") for pair in names.split(","))
        given += [f"{name[-1].strip()}: {name[0].strip()}" for name in pairs]
    text = _EXPORTED.sub("", text)
    found[file] = (
        f'modules["{file.name}"] = (() => {{\n{text}\nreturn {{ {", ".join(given)} }};\n}})();'
    )
