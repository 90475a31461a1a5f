"""SDF with known labels: fields present or not, terminators, order, spellings of header lines."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from rdkit import Chem, rdBase

from molmeta.errors import InputError
from tests.generators.files import Written
from tests.generators.meaning import DROP, Expected, Row
from tests.generators.molecules import NANOMOLAR, SMILES
from tests.generators.verdict import READ, REFUSED, WRONG, Came, Read, Tally, Verdict, by_library

# The first choice of each is the well-formed one.
CHOICES = {
    "labels": ("label", "value", "relation"),
    "header": (
        ">  <{}>", "> <{}>", ">  <{}>  (1)", "> 25 <{}>", "> <{}> DT5", ">DT12 <{}>", "> (7) <{}>",
        ">\t<{}>", "><{}>", "> <{}> (cpd >3)", "> {}", ">  <{}> <b>", "> <{} >", ">  <{}>   ",
    ),
    "terminator": (
        "all", "missing", "missing last", "missing two", "spaces", "twice", "short", "text",
        "missing first", "lower case end", "in a value",
    ),
    "field": ("in all", "not in some", "blank in some", "twice", "twice alike", "other case"),
    "order": ("same", "drawn"),
    "smiles": (
        "none", "all", "sparse", "sparse blank", "other name", "spoilt in some", "NaN in some",
        "unlike", "only", "in all but one",
    ),
    "values": (
        "plain", "lines", "blank line", "no blank line", "two blank lines", "starts with >",
        "padded", "looks like end", "looks like header", "spaces line", "long",
    ),
    "newline": ("\n", "\r\n", "\r"),
    "encoding": ("utf-8", "utf-8-sig", "cp1252", "utf-16"),
    "title": ("name", "blank", "like a header", "like an end", "number"),
    "block": ("V2000", "V3000", "no M END in one", "nothing in one", "bad atom in one", "trailing"),
    "container": ("raw", "gz"),
    "blank": ("", "NA", "NaN", "-", "n.d."),
    "end of file": ("newline", "none", "blank lines", "spaces"),
}  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """A choice each; `seed` decides which records it strikes."""

    seed: int
    chosen: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """The choice of a name."""
        return self.chosen.get(name, CHOICES[name][0])

    @property
    def unusual(self) -> dict[str, str]:
        """What differs from the default."""
        return {name: each for name, each in self.chosen.items() if each != CHOICES[name][0]}

    @property
    def odd(self) -> list[str]:
        """The names of what differs from the default."""
        return list(self.unusual)

    def without(self, name: str) -> Draw:
        """The same with the default of a name."""
        return replace(self, chosen={k: v for k, v in self.chosen.items() if k != name})


def draw(seed: int) -> Draw:
    """A draw: some choices odd, one of five none."""
    chance = random.Random(f"sdf {seed}")
    names = chance.sample(list(CHOICES), chance.choice([0, 1, 2, 2, 3, 3, 4, 6, 9]))
    return Draw(seed, {name: chance.choice(CHOICES[name]) for name in names})


@cache
def _block(smiles: str, kind: str) -> tuple[str, ...]:
    mol = Chem.MolFromSmiles(smiles)
    return tuple(Chem.MolToMolBlock(mol, forceV3000=kind == "V3000").splitlines())


def write(d: Draw) -> Written:
    """The file of a draw."""
    chance = random.Random(f"records {d.seed}")
    struck = set(chance.sample(range(1, 19), 5))
    few = sorted(struck)[:2]
    if d["terminator"] == "missing":
        few = few[:1]
    records, rows = [], []
    for i in range(20):
        records.append(_record(d, i, i in struck, i in few, chance))
        near = i in few or i - 1 in few or i in (0, 1, 19)
        rows.append(_row(d, i, i in struck, i in few, near))
    text = ""
    for i, lines in enumerate(records):
        text += "\n".join([*lines, *_terminator(d, i, few)]) + "\n"
    text = {
        "none": text.rstrip("\n"), "blank lines": text + "\n\n", "spaces": text + "   \n"
    }.get(d["end of file"], text)  # fmt: skip
    content = text.replace("\n", d["newline"]).encode(d["encoding"], errors="replace")
    name = "mine.sdf"
    if d["container"] == "gz":
        content, name = gzip.compress(content), name + ".gz"
    told = {"threshold": "6", "value_column": "IC50 (nM)"} if d["labels"] != "label" else {}
    expected = Expected(rows, must_read=not d.unusual)
    return Written(name, content, told, expected)


def _row(d: Draw, i: int, struck: bool, few: bool, near: bool) -> Row:
    """What a record must come to; `near`: it or the one before may lack its end."""
    label: int | None = int(NANOMOLAR[i] < 1000)
    may_drop = False
    if d["labels"] == "relation" and struck:
        label = None if label else 0  # more than a value is known only on the inactive side
    if struck and d["field"] in ("not in some", "blank in some", "twice"):
        label = None
    if struck and d["field"] in ("other case", "twice alike"):
        may_drop = True
    if few and d["block"] in ("no M END in one", "nothing in one", "bad atom in one"):
        may_drop = True
    if few and d["smiles"] in ("spoilt in some", "unlike", "NaN in some"):
        may_drop = True
    may_drop |= d["smiles"] == "only"
    if d["terminator"] not in ("all", "spaces"):
        may_drop |= near
    may_drop |= d["values"] not in ("plain", "lines", "padded", "long")
    may_drop |= d["title"] in ("like a header", "like an end")
    may_drop |= d["header"] in ("> {}", "> <{}> (cpd >3)", ">  <{}> <b>", "> <{} >")
    return Row(SMILES[i], frozenset({"mine"}), i, i, label=label, may_drop=may_drop)


def _record(d: Draw, i: int, struck: bool, few: bool, chance: random.Random) -> list[str]:
    title = {
        "name": f"cpd {i}", "blank": "", "like a header": "> <active>", "like an end": "$$$$x",
        "number": str(i),
    }[d["title"]]  # fmt: skip
    if d["title"] in ("like a header", "like an end") and not few:
        title = f"cpd {i}"
    lines = list(_block(SMILES[i], d["block"]))
    lines[0] = title
    if few and d["block"] == "no M END in one":
        lines = [line for line in lines if not line.startswith("M  END")]
    if (few and d["block"] == "nothing in one") or d["smiles"] == "only":
        lines = [title, "  none", "", "  0  0  0  0  0  0  0  0  0  0999 V2000", "M  END"]
    if few and d["block"] == "bad atom in one":
        lines[4] = lines[4][:31] + "Qq " + lines[4][34:]
    if d["block"] == "trailing":
        lines = [line + "  " for line in lines]
    fields = _fields(d, i, struck, few)
    if d["order"] == "drawn":
        chance.shuffle(fields)
    for name, value in fields:
        lines += [d["header"].format(name), *value.split("\n")]
        lines += {"no blank line": [], "two blank lines": ["", ""], "spaces line": ["  "]}.get(
            d["values"], [""]
        )
    return lines


def _fields(d: Draw, i: int, struck: bool, few: bool) -> list[tuple[str, str]]:
    name = "active" if d["labels"] == "label" else "IC50 (nM)"
    text = str(int(NANOMOLAR[i] < 1000)) if d["labels"] == "label" else f"{NANOMOLAR[i]:g}"
    other = (
        str(1 - int(NANOMOLAR[i] < 1000)) if d["labels"] == "label" else f"{1e6 / NANOMOLAR[i]:g}"
    )
    if d["labels"] == "relation" and struck:
        text = f">{text}"
    if d["values"] == "padded":
        text = f"  {text}  "
    fields = [(name, text)]
    if struck:
        fields = {
            "not in some": [],
            "blank in some": [(name, d["blank"])],
            "twice": [(name, text), (name, other)],
            "twice alike": [(name, text), (name, text)],
            "other case": [(name.upper(), text)],
        }.get(d["field"], fields)
    note = {
        "lines": "first line\nsecond line", "blank line": "first\n\nthird",
        "starts with >": "> 10 at first\n>20", "looks like end": "a\n$$$ b",
        "looks like header": "see\n> <active>\n1", "long": "x" * 300,
    }.get(d["values"], "a note")  # fmt: skip
    if d["terminator"] == "in a value" and few:
        note = "a\n$$$$\nb"
    if d["values"] in ("looks like header",) and not few:
        note = "a note"
    fields += [("note", note), ("MW", f"{200 + i}")]
    smiles = _smiles_field(d, i, struck, few)
    if smiles is not None:
        fields.insert(0, (("SMILES", "Canonical_SMILES")[d["smiles"] == "other name"], smiles))
    return fields


def _smiles_field(d: Draw, i: int, struck: bool, few: bool) -> str | None:
    kind = d["smiles"]
    if kind == "none" or (kind == "sparse" and struck) or (kind == "in all but one" and few):
        return None
    if kind == "sparse blank" and struck:
        return ""
    if few and kind in ("spoilt in some", "unlike", "NaN in some"):
        return {"spoilt in some": "C1CC(", "unlike": "CCO", "NaN in some": "NaN"}[kind]
    return SMILES[i]


def _terminator(d: Draw, i: int, few: list[int]) -> list[str]:
    kind, last = d["terminator"], i == 19
    if kind in ("missing", "missing two") and i in few:
        return []
    if (kind == "missing last" and last) or (kind == "missing first" and i == 0):
        return []
    if i in few:
        odd = {"short": ["$$$"], "text": ["$$$$ end"], "lower case end": ["$$$$;"]}
        return {"twice": ["$$$$", "$$$$"], **odd}.get(kind, ["$$$$"])
    return ["$$$$  "] if kind == "spaces" else ["$$$$"]


def judge(d: Draw, folder: Path, read: Read = by_library) -> Verdict:
    """Read a draw's file; each molecule has its own label or a reason, or all is refused."""
    written = write(d)
    path = folder / written.name
    path.write_bytes(written.content)
    try:
        with rdBase.BlockLogs():
            came = read(path, dict(written.told)).rows
    except InputError as error:
        well_formed = written.expected.must_read
        return Verdict(WRONG if well_formed else REFUSED, str(error))
    except Exception as error:  # noqa: BLE001
        return Verdict(WRONG, f"{type(error).__name__}: {error}"[:300])
    finally:
        path.unlink(missing_ok=True)
    wrong = fault(d, written.expected, came)
    return Verdict(WRONG, wrong) if wrong else Verdict(READ, "")


@cache
def _canonical(smiles: str) -> str:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return "" if mol is None else str(Chem.MolToSmiles(mol))


def fault(d: Draw, expected: Expected, came: list[Came]) -> str:
    """What is wrong with what came of a file; "" where all is right."""
    numbers = [got.row for got in came]
    if numbers != sorted(set(numbers)):
        return f"row numbers {numbers}"
    n_lost = len(expected.rows) - len(came)
    n_reasons = sum(got.action == DROP for got in came)
    n_open = {"missing": 1, "missing first": 1, "missing two": 2, "short": 2}.get(
        d["terminator"], 0
    )
    if n_lost > min(n_open, n_reasons):
        return f"{len(expected.rows)} records in the file, {len(came)} rows in the audit"
    truth = {_canonical(row.smiles): row for row in expected.rows}
    seen = set()
    for got in came:
        if got.action == DROP:
            if not got.reason.strip():
                return f"row {got.row} is dropped without a reason"
            continue
        row = truth.get(_canonical(got.smiles))
        if row is None:
            if d["smiles"] == "unlike" and _canonical(got.smiles) == "CCO":
                continue  # the field says so
            return f"row {got.row}: a molecule {got.smiles!r} that is none of the file's"
        if got.assay != "mine":
            return f"row {got.row}: the assay {got.assay!r}"
        if got.action == "kept" and row.molecule in seen:
            return f"molecule {row.molecule} is kept twice"
        seen.add(row.molecule)
        if row.label is None:
            return f"row {got.row} is kept ({got.label}) although its label is not known"
        if got.action == "kept" and got.label != row.label:
            return f"row {got.row} is {got.label}, not {row.label}"
    lost = [row.molecule for row in expected.rows if row.label is not None and not row.may_drop]
    lost = [molecule for molecule in lost if molecule not in seen]
    if lost and not seen:
        return "no row is kept, and nothing is said"
    return f"molecules {lost} are dropped without need" if lost else ""


def smallest(d: Draw, fails: Callable[[Draw], bool]) -> Draw:
    """A failing draw of which nothing can be set back to its default."""
    again = True
    while again:
        again = False
        for name in d.unusual:
            if fails(simpler := d.without(name)):
                d, again = simpler, True
    return d


def run(seeds: Iterable[int], folder: Path, *, n_smallest: int = 3) -> Tally:
    """Judge the files of some seeds; the first faults are made small."""
    tally = Tally()
    for seed in seeds:
        d = draw(seed)
        verdict = judge(d, folder)
        tally.counts[verdict.kind] += 1
        tally.counts["must read"] += write(d).expected.must_read
        if verdict.kind == REFUSED:
            tally.refusals.append(verdict.why)
        if verdict.kind == WRONG:
            if len(tally.faults) < n_smallest:
                d = smallest(d, lambda each: judge(each, folder).kind == WRONG)
            tally.faults.append(f"seed {seed}: {d.unusual}: {judge(d, folder).why}")
    return tally
