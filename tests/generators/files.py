"""A sheet as bytes: header and lines around it, separators, quotes, line ends, encodings."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

import pandas as pd

from tests.generators import exports, extras, headers, tables, vocabulary
from tests.generators.choices import Combination
from tests.generators.meaning import Expected
from tests.generators.tables import Sheet

_SUFFIX = {"gz": ".gz", "bz2": ".bz2", "xz": ".xz", "zip": ".zip"}


@dataclass(frozen=True)
class Written:
    """A file, how molmeta is told to read it, and what must come of it."""

    name: str
    content: bytes
    told: dict[str, str]
    expected: Expected


def write(c: Combination) -> Written:
    """The file of a combination."""
    sheet = {
        "labels": exports.label_sheet,
        "wide": exports.wide_sheet,
        "chembl": exports.chembl_sheet,
        "pubchem": exports.pubchem_sheet,
    }.get(c["shape"], tables.value_sheet)(c)
    sheet = extras.dress(c, sheet)
    grid = _grid(c, sheet)
    sheet.expected.words = _words(c, sheet)
    sheet.expected.must_read = _must_read(c)
    container, name = c["container"], sheet.name
    if container == "xlsx":
        content = workbook(grid, as_text=c["thousands"] == ".")
        return Written(name.rsplit(".", 1)[0] + ".xlsx", content, sheet.told, sheet.expected)
    if container == "parquet":
        names = [n or f"Unnamed: {i}" for i, (n, _) in enumerate(sheet.columns)]
        if len(set(names)) == len(names):
            frame = pd.DataFrame(
                {n: column for n, (_, column) in zip(names, sheet.columns, strict=True)}
            )
            buffer = io.BytesIO()
            _typed(frame).to_parquet(buffer)
            name = name.rsplit(".", 1)[0] + ".parquet"
            return Written(name, buffer.getvalue(), sheet.told, sheet.expected)
    content = _encoded(c, _text(c, sheet, grid))
    packed: dict[str, Callable[[bytes], bytes]] = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zip": _zipped,
    }
    if container in packed:
        content = packed[container](content)
        name += _SUFFIX[container]
    return Written(name, content, sheet.told, sheet.expected)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers as numbers, their blanks as nulls: as data frames hold them."""
    for name in frame:
        numbers = pd.to_numeric(frame[name].replace("", None), errors="coerce")
        if numbers.notna().sum() == (frame[name] != "").sum():
            frame[name] = numbers.astype(float)
    return frame


def _grid(c: Combination, sheet: Sheet) -> list[list[str]]:
    """Header and rows, and what else stands in lines of their own."""
    names = [name for name, _ in sheet.columns]
    body = [list(line) for line in zip(*(column for _, column in sheet.columns), strict=True)]
    kind, width = c["header"], len(names)
    junk = [names]
    if kind == "padded":
        names = [f" {name} " for name in names]
    if kind == "repeated":
        body.insert(10, list(names))
    if kind == "one name more":
        names.insert(1, "10 uM")
    if kind == "one name short" and width > 1:
        names = names[:-1]
    if kind == "footer":
        body.append(["Exported by ACME", *[""] * (width - 1)])
        junk.append(body[-1])
    if kind == "total row":
        body.append(["Total", *["20"] * (width - 1)])
        junk.append(body[-1])
    units = None
    valued = sheet.style == "" and c["shape"] != "labels"
    if (valued and c["unit_place"] == "row of units") or kind == "two rows":
        units = ["" if "(" in name or i == 0 else c["unit"] for i, name in enumerate(names)]
        body.insert(0, units)
        junk.append(units)
    lines = [] if kind == "none" else [names]
    if kind == "twice":
        lines.append(list(names))
    at = [n.strip() for n, _ in sheet.columns].index(_smiles_name(sheet))
    texts = {line[at].strip() for line in junk if at < len(line)}
    if not separator_is_clear(c):
        texts |= {text.strip() for line in junk for text in line}
    if kind == "none":
        sheet.expected.free_names = True
    if sheet.style == "pubchem":
        texts.add("")  # the rows that describe the columns
    sheet.expected.junk = frozenset(texts)
    return lines + _uneven(c, sheet, body)


def separator_is_clear(c: Combination) -> bool:
    """Whether blanks do not separate, so that no other cell is taken for the molecule."""
    return bool(c["separator"].strip()) or c["separator"] == "\t"


def _smiles_name(sheet: Sheet) -> str:
    wanted = [row.smiles for row in sheet.expected.rows]
    for name, column in sheet.columns:
        if set(wanted) <= set(column):
            return name.strip()
    raise AssertionError("no column of molecules")


def _uneven(c: Combination, sheet: Sheet, body: list[list[str]]) -> list[list[str]]:
    """Rows with more or fewer cells than the header."""
    kind = c["extra"]
    if kind == "long row":
        body[7] = [*body[7], "7"]
    elif kind == "two long rows":
        body[7], body[-1] = [*body[7], "7"], ["x", *body[-1]]
    elif kind == "one long first row":
        body[0] = [*body[0][:-1], "9", body[0][-1]]
        # Where the header has a name for it, the other rows lack a cell.
        n_odd = len(body) if c["header"] == "one name more" else 1
        _allow_drop(sheet, range(n_odd))
    elif kind == "long rows all":
        body = [[*line[:-1], "9", line[-1]] for line in body]
    elif kind == "short row":
        body[7] = body[7][:-1]
        # What it lacks may be the value, or the molecule.
        _allow_drop(sheet, (7,))
    elif kind == "trailing cells":
        body = [[*line, ""] for line in body]
    return body


def _allow_drop(sheet: Sheet, numbers: Iterable[int]) -> None:
    rows, wanted = sheet.expected.rows, set(numbers)
    rows[:] = [replace(row, may_drop=True) if row.number in wanted else row for row in rows]


def _text(c: Combination, sheet: Sheet, grid: list[list[str]]) -> str:
    separator = ";" if sheet.style == "chembl" and c["chembl_style"] != "api" else c["separator"]
    separator = "," if sheet.style == "pubchem" else separator
    if c.random("stray at").random() < 0.5 and c["quoting"] in ("stray", "inch", "opens"):
        _stray(c, sheet, grid, 6)
    else:
        _stray(c, sheet, grid, 3)
    lines = [_line(c, line, separator, i) for i, line in enumerate(grid)]
    end = c["newline"] if c["newline"] in ("\n", "\r\n", "\r") else "\n"
    if c["newline"] == "blank lines":
        lines[5:5] = ["", ""]
        lines += ["", ""]
    if c["newline"] == "spaces line":
        lines.append("   ")
    above = {
        "title": ["Results of May"],
        "three titles": ["Results of May", "Project 7", ""],
        "title with commas": [f"Project{separator}7{separator}"],
        "hash": ["# exported 2024-05-01"],
        "three hashes": ["# exported, by us", "#", "# SMILES,value"],
        "blank lines": ["", ""],
        "sep=": [f"sep={separator}"],
    }.get(c["header"], [])
    if c["header"] == "hash header":
        lines[0] = "#" + lines[0]
    if c["header"] == "hash end":
        lines.append("# end of file")
        sheet.expected.junk |= {"# end of file", ""}
    lines = above + lines
    if c["newline"] == "mixed":
        text = "".join(line + ("\r\n" if i % 2 else "\n") for i, line in enumerate(lines))
    else:
        text = end.join(lines) + ("" if c["newline"] == "no final" else end)
    return text


def _stray(c: Combination, sheet: Sheet, grid: list[list[str]], row: int) -> None:
    """Quotes in a name, not doubled: put into an extra column of text where there is one."""
    if c["quoting"] not in ("stray", "opens", "opens and closes", "inch"):
        return
    start = 0 if c["header"] == "none" else 1
    if "cpd_name" not in grid[0]:
        for i, line in enumerate(grid):
            line.insert(1, "cpd_name" if i < start else f"cpd{i}")
    text = {"stray": 'the "big" one', "inch": '5" plate'}.get(c["quoting"], '"primed')
    grid[start + row][1] = text
    if c["quoting"] == "opens and closes":
        grid[start + row + 6][1] = 'end"'


def _line(c: Combination, line: list[str], separator: str, number: int) -> str:
    return separator.join(_cell(c, text, separator, number) for text in line)


def _cell(c: Combination, text: str, separator: str, number: int) -> str:
    quoting = c["quoting"]
    raw = quoting in ("none", "stray", "opens", "opens and closes", "inch")
    needed = separator in text or '"' in text or "\n" in text or "\r" in text
    if raw:
        return text
    if quoting == "single":
        return f"'{text}'" if needed else text
    if quoting == "backslash":
        return '"' + text.replace('"', '\\"') + '"' if needed else text
    if quoting == "odd one":
        needed = needed or number == 9
    if needed or quoting == "all" or (c["shape"] == "chembl" and c["chembl_style"] != "api"):
        return '"' + text.replace('"', '""') + '"'
    return text


def _encoded(c: Combination, text: str) -> bytes:
    encoding = c["encoding"]
    if encoding == "utf-8 twice":
        return text.encode("utf-8").decode("cp1252", errors="replace").encode("utf-8")
    if encoding == "nul":
        return text.encode("utf-8") + b"\0"
    return text.encode(encoding, errors="replace")


def _zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("table.csv", content)
    return buffer.getvalue()


def _words(c: Combination, sheet: Sheet) -> frozenset[str]:
    words = {name.strip().lower() for name, _ in sheet.columns if len(name) > 1}
    words |= {value.lower() for value in sheet.told.values()}
    for name in c.odd:
        words |= set(vocabulary.DIMENSIONS[name].words)
    return frozenset(words | {"--"})


# The dimensions that show in a table of each shape.
_FRAME = (
    "separator", "quoting", "header", "newline", "encoding", "container", "smiles_cells", "n_blank",
)  # fmt: skip
_AROUND = ("extra", "order", "smiles_name", "blank")
_RULE = ("threshold", "direction", "relation_words")
_VALUES = (
    *_RULE, "quantity", "type_place", "log", "log_place", "unit", "unit_place", "dose", "statistic",
    "target", "value_named", "notation", "decimal", "thousands", "relation", "relation_name",
    "relation_flag", "repeats",
)  # fmt: skip
_SHOWS = {
    "long": (*_FRAME, *_AROUND, *_VALUES),
    "assays": (*_FRAME, *_AROUND, *_VALUES),
    "labels": (*_FRAME, *_AROUND, "label_words", "label_name", "odd_label", "repeats"),
    "wide": (*_FRAME, *_AROUND, "label_words", "odd_label"),
    "chembl": (*_FRAME, *_RULE, "extra", "standard_type", "chembl_style"),
    "pubchem": (*_FRAME, *_RULE, "extra", "pubchem_name", "pubchem_labels"),
}  # fmt: skip


def shows(c: Combination, name: str) -> bool:
    """Whether a dimension shows in the file."""
    if name == "relation_words" and c["relation"] == "none":
        return False
    return name == "shape" or name in _SHOWS[c["shape"]]


def _must_read(c: Combination) -> bool:
    """Whether all that shows is plain, and the name of the value column is clear."""
    odd = [name for name in c.odd if shows(c, name)]
    if c["shape"] == "wide" and c["label_words"] not in ("1/0", "1.0/0.0"):
        return False
    if c["shape"] not in ("long", "assays"):
        return not odd
    clear_unit = c["log"] == "p" and odd == ["unit_place"] and c["unit_place"] == "none"
    return (not odd or clear_unit) and headers.clear(c)


def workbook(grid: list[list[str]], *, as_text: bool = False) -> bytes:
    """The smallest workbook: one sheet, numbers as numbers unless all is text."""
    rows = []
    for r, line in enumerate(grid, 1):
        row = "".join(_xml_cell(r, k, text, as_text) for k, text in enumerate(line))
        rows.append(f'<row r="{r}">{row}</row>')
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Results" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>'
        + "".join(rows)
        + "</sheetData></worksheet>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return buffer.getvalue()


def _xml_cell(row: int, column: int, text: str, as_text: bool) -> str:
    at = f"{_letters(column)}{row}"
    if text == "":
        return ""
    if text in ("#N/A", "#VALUE!", "#DIV/0!", "#REF!", "#NUM!"):
        return f'<c r="{at}" t="e"><v>{text}</v></c>'
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not as_text and abs(number) < 1e300 and not text.strip().startswith("+"):
        return f'<c r="{at}"><v>{text.strip()}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _letters(column: int) -> str:
    return ("" if column < 26 else _letters(column // 26 - 1)) + chr(65 + column % 26)
