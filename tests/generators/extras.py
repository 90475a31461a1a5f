"""What else a table holds: more columns, other orders, repeats, molecules in odd spellings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rdkit import Chem, rdBase

from tests.generators import headers
from tests.generators.choices import Combination
from tests.generators.meaning import Interval, Row
from tests.generators.molecules import NANOMOLAR, SMILES, weight
from tests.generators.tables import Sheet
from tests.generators.vocabulary import MASS

_NAMES = ("1,4-dioxane", 'the "lead"', "β-blocker", "N-(2-x)-y, HCl", "cpd 5", "5'-deoxy")


def dress(c: Combination, sheet: Sheet) -> Sheet:
    """The sheet with all that stands around its measurements."""
    _molecules(c, sheet)
    if c["shape"] == "assays":
        texts = [next(iter(row.assay)) for row in sheet.expected.rows]
        sheet.columns.append((c.random("assay name").choice(["assay_id", "assay", "Assay"]), texts))
    if sheet.style in ("", "wide"):
        _more_columns(c, sheet)
        _order(c, sheet)
    if c["repeats"] != "none" and sheet.style == "":
        _repeat(c, sheet)
    return sheet


def _molecules(c: Combination, sheet: Sheet) -> None:
    at = 3 if sheet.style == "pubchem" else 0
    title, cells = sheet.columns[at]
    spelling = c["smiles_cells"]
    around = ("hash end", "footer", "total row", "two rows")
    if spelling in ("blank", "NaN") and (
        c["header"] in around or c["unit_place"] == "row of units"
    ):
        spelling = "bad"  # lines that are no measurements have a blank there, too
    start = len(cells) - 20
    spoilt = [2, 11]
    new = {
        "bad": ["c1ccccc", "C(C)(C)(C)(C)(C)C"], "blank": ["", ""], "NaN": ["NaN", "None"],
        "with name": [f"{cells[start + i]} cpd{i}" for i in spoilt],
        "cxsmiles": [f"{cells[start + i]} |$;;$|" for i in spoilt],
        "salt": [f"{cells[start + i]}.Cl" for i in spoilt],
        "quoted": [f'"{cells[start + i]}"' for i in spoilt],
        "padded": [f"  {cells[start + i]} " for i in spoilt],
    }.get(spelling, [])  # fmt: skip
    for i, text in zip(spoilt, new, strict=False):
        cells[start + i] = text
    if spelling == "inchi":
        with rdBase.BlockLogs():
            cells[start:] = [Chem.MolToInchi(Chem.MolFromSmiles(text)) for text in cells[start:]]
    lost = spelling in ("bad", "blank", "NaN")
    for k, row in enumerate(sheet.expected.rows):
        touched = (row.molecule in spoilt and bool(new)) or spelling == "inchi"
        row = replace(row, smiles=cells[start + row.molecule])
        if touched and lost:
            row = replace(row, truths=(), label=None)
        elif touched and spelling != "salt":
            row = replace(row, may_drop=True)
        sheet.expected.rows[k] = row
    if not sheet.style or sheet.style == "wide":
        name = "molecule" if c["smiles_name"] == "flag" else c["smiles_name"]
        sheet.columns[at] = (name, cells)
        if c["smiles_name"] == "flag":
            sheet.told["smiles_column"] = name
    else:
        sheet.columns[at] = (title, cells)


def _more_columns(c: Combination, sheet: Sheet) -> None:
    n = len(sheet.columns[0][1])
    kind, columns = c["extra"], sheet.columns
    if kind.startswith("multiline") and c["quoting"] not in ("minimal", "all", "odd one"):
        kind = "ids"  # without quotes these are other lines
    if kind == "classes" and any(row.label is not None for row in sheet.expected.rows):
        kind = "ids"  # without values these are assays

    def numbered(name: str, cell: Callable[[int], str]) -> tuple[str, list[str]]:
        return name, [cell(i) for i in range(n)]

    ids = ("compound_id", [f"ABC-{1000 + i}" for i in range(n)])
    names = ("name", [_NAMES[i % len(_NAMES)] for i in range(n)])
    weights = ("MW", [f"{250 + 7.5 * i:.1f}" for i in range(n)])
    comments = [f"see page {i}, left" for i in range(n)]
    more = {
        "ids": [ids],
        "names": [names],
        "many": [ids, names, weights, ("date", [f"2024-05-{i + 1:02d}" for i in range(n)])],
        "spread": [
            numbered("SD", lambda i: f"{i / 7:.2f}"), numbered("n", lambda i: str(2 + i % 3))
        ],
        "counter screen": [("EC50 (nM)", [f"{x:.6g}" for x in NANOMOLAR[::-1]])],
        "other quantities": [
            numbered("Ki (nM)", lambda i: f"{17 * i + 3}" if i % 4 == 0 else ""),
            numbered("Kd (nM)", lambda i: ""),
            numbered("kon (M-1-s-1)", lambda i: ""),
        ],
        "dates": [numbered("Assay date", lambda i: f"{i + 1}.5.2024")],
        "multiline": [numbered("remarks", lambda i: f"first\nsecond {i}" if i == 4 else "ok")],
        "multiline rows": [numbered("remarks", lambda i: "a\nCCO,5,7\nC,6" if i == 4 else "ok")],
        "index": [numbered("", str)],
        "second smiles": [("SMILES_parent", list(columns[0][1]))],
        "descriptors": [
            numbered("logP", lambda i: f"{i / 5:.1f}"),
            numbered("pKa", lambda i: f"{4 + i / 5:.1f}"),
        ],
        "blank column": [("notes", [""] * n)],
        "repeated names": [names, ("name", comments)],
        "confusing": [
            ("Dose (uM)", ["10"] * n), numbered("Hill slope", lambda i: f"{1 + i / 9:.2f}"),
            numbered("Max % inhibition", lambda i: f"{99 - i:.1f}"),
        ],
        "classes": [
            numbered("PAINS", lambda i: str(int(i % 3 == 0))), ("n", ["1"] * n),
            numbered("In stock", lambda i: ("yes", "no")[i % 2]),
        ],
        "dose and unit": [("Top dose unit", ["uM"] * n), ("Top dose", ["30"] * n)],
        "merged cells": [numbered("series", lambda i: "S1" if i % 5 == 0 else "")],
    }.get(kind, [])  # fmt: skip
    at = 1 if c.random("extra at").random() < 0.5 else len(columns)
    if kind == "index":
        at = len(columns)
    columns[at:at] = more


def _order(c: Combination, sheet: Sheet) -> None:
    columns = sheet.columns
    if c["order"] == "smiles last":
        columns.append(columns.pop(0))
    elif c["order"] == "value first":
        # The SMILES behind the first other column; neighbours stay neighbours.
        columns.insert(1, columns.pop(0))
    if c["extra"] == "index":
        at = next(i for i, (name, _) in enumerate(columns) if name == "")
        columns.insert(0, columns.pop(at))


def _repeat(c: Combination, sheet: Sheet) -> None:
    """Two rows once more; contradicting ones may go, with both rows that they contradict."""
    rows, columns = sheet.expected.rows, sheet.columns
    index = {"exact": (3, 5), "contradicting": (0, 3), "differing": (5, 6)}[c["repeats"]]
    n = len(rows)
    for k, i in enumerate(index):
        source = index[1 - k] if c["repeats"] != "exact" else i
        row = rows[source]
        for name, cells in columns:
            is_smiles = cells[:n] == [r.smiles for r in rows[:n]]
            cells.append(
                cells[i if is_smiles or name.casefold() in ("assay", "assay_id") else source]
            )
        same = replace(row, smiles=rows[i].smiles, assay=rows[i].assay, number=n + k, molecule=i)
        rows.append(replace(same, truths=_of_another(c, row, i)))
    for k, row in enumerate(rows):
        if row.molecule in index and c["repeats"] != "exact":
            rows[k] = Row(**{**_fields(row), "may_drop": True})


def _of_another(c: Combination, row: Row, molecule: int) -> tuple[Interval, ...]:
    """What a row's cells say of another molecule: a mass is another concentration, then."""
    scale = headers.scale(c)
    if scale.percent or scale.unit not in MASS:
        return row.truths
    shift = math.log10(weight(SMILES[molecule]) / weight(SMILES[row.molecule]))
    return tuple(replace(t, low=t.low + shift, high=t.high + shift) for t in row.truths)


def _fields(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}
