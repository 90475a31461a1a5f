"""Rows that no one should send, through the whole program: rows out = rows in, each accounted for.

    python benchmarks/hostile.py --n 20000 --seed 1 --folder /tmp/hostile
    python benchmarks/hostile.py --n 100000 --verb screen --folder /tmp/hostile

A seed makes a table of hostile SMILES and cells: noise, mutated and unbalanced SMILES, huge rings,
very long strings, dummy atoms, reactions, other notations, look-alikes, control characters, quotes
and line breaks within cells. `molmeta predict` (or `screen`) runs over it as a process of its own.
Then the table is made again and held against the output, read by other code than molmeta's:

- as many rows, in order, and every input cell as it was;
- a rejected row has a reason of one line and no score, any other a probability;
- molecules of the bundled data are accepted; blanks and letters that are not ASCII are rejected.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.screen_killed import Memory, processes_of
from molmeta.assays import drug_mechanisms

COLUMNS = ("id", "smiles", "note", "value", "Beschreibung, µ")
LONG = 100_000  # characters
WORDS = """
    NA N/A NaN nan None null NULL #N/A #NAME? #REF! - -- . ? n.d. NT ND TRUE FALSE true inf -inf
    1e400 0 -1 1.5 1,5 2026-11-28 ethanol water Aspirin unknown see=note =SUM(A1:A9) @x +1 '
""".split()  # noqa: SIM905
LOOK_ALIKES = {
    "C": "СⅭ𝖢",
    "c": "сⅽ",
    "O": "ОΟ０",
    "N": "Ν𝑁",
    "(": "（",
    "1": "１¹",
    "=": "＝",
    "-": "–−",
}
NOTATIONS = (
    "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3",
    "InChI=1S/",
    "LFQSCWFLJHTTHZ-UHFFFAOYSA-N",
    "C2H6O",
    "C9H8O4.HCl",
    "[C][C][O]",
    "[C][=C][Branch1][C][O][C]",
    "[#6]-[#8;X2]",
    "[!#1;R]~[$(C=O)]",
    "50-78-2",
    "CHEMBL25",
    "MolPort-001-783-200",
    "CCO |$;;R1$|",
    "CCO |^1:0,atomProp:0.x.y|",
    "CCO |",
    "C1CC1 name with words",
    "CC{-}CC{n}",
)
ODD_ATOMS = (
    "[999C]", "[2H]", "[0C]", "[C+9]", "[O-15]", "[Fe+3]", "[C@TH1]", "[Pt@SP1]", "[Co@OH30]",
    "[Uuo]", "[Xx]", "[H]", "[H+]", "[He]", "*", "[*:1]", "[R1]", "[#0]", "[C:99999]", "[CH99]",
    "[NH5]", "F(F)F", "[c]", "[nH]", "[n+]", "[te]", "[as]", "[Og]", "[Lr+3]", "[C--]", "$",
    "[13CH3:7-]", "[Cl-].[Na+]",
)  # fmt: skip
CONTROLS = "".join(
    map(chr, (*range(1, 32), 127, 0x85, 0xA0, 0x200B, 0x2028, 0x2029, 0x202E, 0xFEFF))
)
MARKS = "\",;\t\n\r'|\\`"


class Row(NamedTuple):
    """A row's cells, and what is known of its molecule."""

    cells: tuple[str, ...]
    kind: str


class Maker:
    """Makes rows; the same seed makes the same ones."""

    def __init__(self, seed: int, *, nul: bool) -> None:
        self._rng = random.Random(seed)
        self._nul = nul
        drugs = drug_mechanisms("train")["smiles"]
        self._drugs = sorted(set(drugs))
        self._kinds: dict[Callable[[], str], float] = {
            self.real: 25, self.mutated: 25, self.unbalanced: 6, self.ascii_noise: 6,
            self.noise: 6, self.word: 5, self.blank: 3, self.notation: 4, self.odd: 6,
            self.reaction: 3, self.dots: 2, self.look_alike: 4, self.control: 3, self.marks: 3,
            self.rings: 0.05, self.branches: 0.05, self.long: 0.05, self.slow: 0.01,
            self.hangs: 0.0005,
        }  # fmt: skip

    def rows(self) -> Iterator[Row]:
        """Without end."""
        makers, weights = list(self._kinds), list(self._kinds.values())
        number = 0
        while True:
            maker = self._rng.choices(makers, weights)[0]
            smiles = maker()
            others = [self._cell() for _ in COLUMNS[2:]]
            cells = (f"row {number}", smiles, *others)
            yield Row(tuple(map(self._clean, cells)), maker.__name__)
            number += 1

    def _clean(self, cell: str) -> str:
        cell = cell.encode("utf-8", "ignore").decode()
        return cell if self._nul else cell.replace("\0", "")

    def _cell(self) -> str:
        draw = self._rng.random()
        if draw < 0.4:
            return self._rng.choice(("", " ", "7.5", "<10", "a note", "µM"))
        if draw < 0.6:
            return self._rng.choice(WORDS)
        return self._rng.choice((self.marks, self.control, self.noise, self.ascii_noise))()

    def real(self) -> str:
        return self._rng.choice(self._drugs)

    def mutated(self) -> str:
        text = list(self.real())
        for _ in range(self._rng.randint(1, 6)):
            at = self._rng.randrange(len(text)) if text else 0
            new = self._rng.choice("CNOcnos()[]=#123456789%@+-/\\.HFPSBI*:$")
            text[at : at + self._rng.randint(0, 2)] = [new] * self._rng.randint(0, 2)
        return "".join(text)

    def unbalanced(self) -> str:
        text = self.real()
        cut = self._rng.randrange(len(text) + 1)
        extra = self._rng.choice("()[]{}") * self._rng.randint(1, 400)
        return text[:cut] + extra + self._rng.choice((text[cut:], ""))

    def ascii_noise(self) -> str:
        return "".join(map(chr, self._rng.choices(range(32, 127), k=self._rng.randint(1, 80))))

    def noise(self) -> str:
        data = self._rng.randbytes(self._rng.randint(1, 60))
        return data.decode(self._rng.choice(("latin-1", "utf-8", "utf-16")), "replace")

    def word(self) -> str:
        return self._rng.choice(WORDS)

    def blank(self) -> str:
        return self._rng.choice(("", " ", "   ", "\t", " \u00a0"))

    def notation(self) -> str:
        return self._rng.choice(NOTATIONS)

    def odd(self) -> str:
        return "".join(self._rng.choices((*ODD_ATOMS, "C", "c1ccccc1"), k=self._rng.randint(1, 8)))

    def reaction(self) -> str:
        arrows = self._rng.choice((">>", ">", ">>>", ">CCO>"))
        return self.real() + arrows + self._rng.choice(("", self.real()))

    def dots(self) -> str:
        return self._rng.choice((".", "..", "C.", ".C")).join(
            self._rng.choices(("C", "O", "[Na+]", "[Cl-]", ""), k=self._rng.randint(1, 300))
        )

    def look_alike(self) -> str:
        text = "C(=O)c1ccccc1N" + self.real()
        known = [i for i, letter in enumerate(text) if letter in LOOK_ALIKES]
        at = self._rng.choice(known)
        return text[:at] + self._rng.choice(LOOK_ALIKES[text[at]]) + text[at + 1 :]

    def control(self) -> str:
        text = self.real()
        at = self._rng.randrange(len(text) + 1)
        some = self._rng.choices(CONTROLS + "\0", k=self._rng.randint(1, 4))
        return text[:at] + "".join(some) + text[at:]

    def marks(self) -> str:
        text = self.real() if self._rng.random() < 0.5 else "CC"
        at = self._rng.randrange(len(text) + 1)
        return text[:at] + "".join(self._rng.choices(MARKS, k=self._rng.randint(1, 5))) + text[at:]

    def _size(self) -> int:
        """From 3 to 990, the small ones more often."""
        return int(3 * 330 ** self._rng.random())

    def rings(self) -> str:
        size = self._size()
        atom = self._rng.choice(("C", "c", "[nH]", "N", "c1ccc2", "C%11"))
        ring = self._rng.choice(("1", "%99", "%(12345)"))
        return f"{atom}{ring}" + "C" * (size - 2) + f"C{ring}"

    def branches(self) -> str:
        depth = self._size()
        return "C(" * depth + "C" + ")" * (depth + self._rng.randint(-1, 1))

    def long(self) -> str:
        unit = self._rng.choice(("C", "C(", "[", "c1ccccc1.", "\\", "é", ">", "%", "C" * 900 + "."))
        return (unit * LONG)[:LONG]

    def slow(self) -> str:
        """Many rings that share atoms, sheets of rings, many stereocentres."""
        n = self._rng.randint(5, 12)
        return self._rng.choice((_clique(n), _sheet(2 * n - 7), "C[C@H](F)" * 12 * n + "C"))

    def hangs(self) -> str:
        return self._rng.choice((_clique(40), _sheet(21), _sheet(29), "C[C@H](F)" * 330))


def _clique(n: int) -> str:
    """Every atom bound to every other one, so far as digits go."""
    bonds = {pair: i + 10 for i, pair in enumerate((a, b) for b in range(n) for a in range(b))}
    atoms = []
    for atom in range(n):
        own = [f"%({number})" for pair, number in bonds.items() if atom in pair]
        atoms.append("[Pt]" + "".join(own))
    return ".".join(atoms)


def _sheet(width: int) -> str:
    """A sheet of hexagons as a brick wall of aromatic atoms, whose Kekulé form is to be found.

    Every atom is in a ring if the width is odd.
    """
    height = width + 1
    atoms = []
    for y in range(height):
        for x in range(width):
            level = [y * width + left for left in (x - 1, x) if 0 <= left < width - 1]
            top = y if (x + y) % 2 == 0 else y - 1
            upright = [5_000 + top * width + x] if 0 <= top < height - 1 else []
            atoms.append("c" + "".join(f"%({10 + bond})" for bond in level + upright))
    return ".".join(atoms)


def write_library(path: Path, rows: Iterator[Row]) -> None:
    """As CSV whose quotes stand where they must and now and then elsewhere, or as Parquet."""
    if path.suffix == ".parquet":
        columns = zip(*(row.cells for row in rows), strict=True)
        pq.write_table(pa.table(dict(zip(COLUMNS, map(list, columns), strict=True))), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(map(_quoted, COLUMNS)) + "\n")
        for number, row in enumerate(rows):
            cells = (_quoted(cell, always=number % 3 == 0) for cell in row.cells)
            file.write(",".join(cells) + "\n")


def _quoted(cell: str, *, always: bool = False) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if always or any(mark in cell for mark in '",\r\n') else cell


def write_support(path: Path) -> None:
    drugs = drug_mechanisms("test")
    known = drugs[drugs["assay"] == "fluoroquinolone"].groupby("label").head(8)
    known[["smiles", "label"]].to_csv(path, index=False)


def run(command: list[str]) -> None:
    """Run it to its end; print time and memory.

    Raises:
        RuntimeError: If it fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    memory = Memory(own=process.pid)
    assert process.stderr is not None
    last = ""
    for line in process.stderr:  # it says how far it is every two seconds
        memory.sample(processes_of(process.pid))
        last = line.strip() or last
    if process.wait():
        raise RuntimeError(f"exit code {process.returncode}: {last}")
    print(f"{last}; {time.perf_counter() - start:,.0f} s, {memory}", flush=True)


def rows_out(output: Path) -> Iterator[dict[str, object]]:
    """The output's rows, read by other code than molmeta's."""
    if output.is_dir() or output.suffix == ".parquet":
        files = sorted(output.glob("part-*.parquet")) if output.is_dir() else [output]
        for file in files:
            for batch in pq.ParquetFile(file).iter_batches(10_000):
                yield from batch.to_pylist()
        return
    csv.field_size_limit(10 * LONG)
    with output.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, strict=True)


def check(rows: Iterator[Row], output: Path) -> None:
    """Hold the output against the input.

    Raises:
        RuntimeError: At the first row that is not accounted for.
    """
    found = rows_out(output)
    counts: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    for row in rows:
        out = next(found, None)
        if out is None:
            raise RuntimeError(f"no row for {row.cells[0]!r}")
        wrong = _wrong(row, out)
        if wrong:
            raise RuntimeError(
                f"{row.cells[0]} ({row.kind}): {wrong}: {row.cells!r:.400} {out!r:.900}"
            )
        counts[row.kind, str(out["status"])] += 1
        reasons[str(out["reason"])[:60]] += 1
    if next(found, None) is not None:
        raise RuntimeError("more rows out than in")
    for kind in sorted({kind for kind, _ in counts}):
        print(f"{kind:<12} {counts[kind, 'ok']:>9,} ok {counts[kind, 'rejected']:>9,} rejected")
    del reasons[""]
    print(f"{len(reasons):,} reasons, the commonest: {reasons.most_common(12)}")
    print(f"{sum(counts.values()):,} rows in, as many out, all accounted for", flush=True)


def _wrong(row: Row, out: dict[str, object]) -> str:
    """What is wrong with an output row, "" if nothing."""
    cells = tuple(out[name] for name in COLUMNS)
    if cells != row.cells:
        return "cells changed"
    status, reason, p = out["status"], str(out["reason"] or ""), out["p_active"]
    if status == "rejected":
        if not reason or len(reason.splitlines()) != 1 or not reason.isprintable():
            return "a reason that is not a line of text"
        if p not in ("", None) or row.kind == "real":
            return "rejected with a score, or for no good reason"
        return ""
    if status != "ok" or reason or not 0 <= float(str(p)) <= 1:
        return "neither rejected nor scored"
    return "accepted" if row.kind in ("blank", "look_alike") else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verb", choices=("predict", "screen"), default="predict")
    parser.add_argument("--kind", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--model", default="default")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)

    def rows() -> Iterator[Row]:
        maker = Maker(arguments.seed, nul=arguments.kind == "parquet")
        return islice(maker.rows(), arguments.n)

    name = f"{arguments.verb}-{arguments.n}-{arguments.seed}"
    library = folder / f"{name}-in.{arguments.kind}"
    output = folder / (name if arguments.verb == "screen" else f"{name}.{arguments.kind}")
    support = folder / "support.csv"
    write_library(library, rows())
    write_support(support)
    print(f"{library}: {library.stat().st_size / 2**20:,.0f} MiB", flush=True)
    options = {"--support": support, "--input": library, "-o": output, "--model": arguments.model}
    options |= {"--workers": arguments.workers, "--smiles-column": "smiles"}
    words = [str(word) for option in options.items() for word in option]
    if arguments.verb == "predict":
        words.append("--keep-order")
    run([sys.executable, "-m", "molmeta_cli", arguments.verb, *words])
    check(rows(), output)


if __name__ == "__main__":
    main()
