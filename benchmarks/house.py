"""Measure how a newcomer finds the code: its size, its English, the ways through it.

    python benchmarks/house.py [CHECKOUT]

Static figures are read off the syntax trees of `molmeta/` and `cli/`. The two ways are traced: one
small training that names every section of a recipe, and one `decision_function` of the shipped
model. It imports the checkout that it measures, whichever that is.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from inspect import CO_VARARGS, CO_VARKEYWORDS
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

RECIPE: dict[str, Any] = {
    "encoder": {"name": "fingerprint", "dim": 16, "hidden": 12, "dropout": 0.0},
    "head": {"name": "matching", "scale": 5.0, "balanced": True},
    "context": {"blocks": 1, "width": 8, "dim": 7, "heads": 2},
    "inner": {"steps": 1, "lr": 0.04},
    "known_assays": {"rank": 3},
    "learner": {"adapt": "above", "projection": 7},
    "pretraining": {"epochs": 2, "share": 0.6, "final": 1, "molecules_per_step": 500},
    "training": {"steps": 2, "assays_per_step": 3, "support_sizes": [8], "query_size": 9,
                 "valid_every": 2, "valid_support_sizes": [8], "valid_draws": 1,
                 "encoder_rate": 0.0},
}  # fmt: skip
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
PART = re.compile(
    r"(?:getattr|hasattr)\(\s*(?:[\w.]*\.)?\w*(?:encoder|head|part|profile)s?\b(?:\"\])?"
)


def static(root: Path) -> Iterator[tuple[str, object]]:
    """Figures of the source text."""
    files = sorted([*(root / "molmeta").rglob("*.py"), *(root / "cli").rglob("*.py")])
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    trees = {file: ast.parse(text) for file, text in texts.items()}
    sizes = {file: len(text.splitlines()) for file, text in texts.items()}
    yield "lines of library and program", sum(sizes.values())
    yield "modules", len(files)
    small = [f for f, n in sizes.items() if n < 30 and not f.name.startswith("__")]
    yield "modules under 30 lines, without __init__", len(small)
    functions = [
        (node, file.relative_to(root))
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS)
    ]
    for what, size in (("longest function", length), ("most parameters", n_parameters)):
        ranked = sorted(functions, key=lambda found: -size(found[0]))[:4]
        yield what, ", ".join(f"{size(node)} ({file}:{node.name})" for node, file in ranked)
    whole = "\n".join(texts.values())
    yield "getattr/hasattr on encoders and heads", len(PART.findall(whole))
    yield "all getattr/hasattr", len(re.findall(r"\b(?:getattr|hasattr)\(", whole))
    yield "type: ignore", whole.count("type: ignore")
    documented = [
        doc
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS))
        and (doc := ast.get_docstring(node))
    ]
    yield "docstrings", len(documented)
    yield "docstrings with an example", sum(">>> " in doc for doc in documented)
    vague = [doc for doc in documented if re.match(r"(?i)(what|which|how|as|whether)\b", doc)]
    yield (
        "docstrings that open with what/which/how/as/whether",
        (f"{len(vague)} ({100 * len(vague) / len(documented):.0f} %)"),
    )


def length(node: ast.AST) -> int:
    """Lines of a function, its docstring left out."""
    assert isinstance(node, FUNCTIONS)
    first = node.body[0]
    is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = (first.end_lineno or 0) - first.lineno + 1 if is_doc else 0
    return (node.end_lineno or 0) - node.lineno + 1 - doc


def n_parameters(node: ast.AST) -> int:
    """Parameters of a function, `self` left out."""
    assert isinstance(node, FUNCTIONS)
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


class Way:
    """Counts the calls that are handed something, and the returns that hand it on.

    A call is counted once a place it is made from. The thing's own methods are not counted.
    """

    def __init__(self, holds: Callable[[str, object], bool]) -> None:
        self.holds = holds
        self.calls: Counter[tuple[CodeType, int, CodeType]] = Counter()
        self.returns: Counter[tuple[CodeType, int]] = Counter()

    def __call__(self, frame: FrameType, event: str, value: object) -> None:
        if not frame.f_globals.get("__name__", "").startswith("molmeta"):
            return
        if frame.f_code.co_filename == "<string>":  # a dataclass's own: nobody reads it
            return
        if event == "call":
            code = frame.f_code
            many = code.co_flags & CO_VARARGS, code.co_flags & CO_VARKEYWORDS
            n = code.co_argcount + code.co_kwonlyargcount + sum(map(bool, many))
            given = {name: frame.f_locals.get(name) for name in code.co_varnames[:n]}
            own = given.pop("self", None)
            own = given.pop("cls", own)
            if not self.holds("", own) and self.found(given):
                back = frame.f_back
                place = (back.f_code, back.f_lineno) if back else (code, 0)
                self.calls[*place, code] += 1
        elif event == "return" and self.holds("", value):
            self.returns[frame.f_code, frame.f_lineno] += 1

    def found(self, given: Mapping[str, object]) -> bool:
        return any(self.holds(name, value) for name, value in given.items())

    def figures(self) -> str:
        modules = {code.co_filename for _, _, code in self.calls}
        return (
            f"{len(self.calls)} calls, {len(modules)} modules, {len(self.returns)} returns "
            f"(executed: {self.calls.total()} and {self.returns.total()})"
        )


class RecipeWay(Way):
    """The recipe's: itself, a section, settings made of one, or a value under its key."""

    def __init__(self) -> None:
        super().__init__(lambda _, value: is_settings(value))

    def found(self, given: Mapping[str, object]) -> bool:
        return super().found(given) or any(shares(given, part, 1) for part in RECIPE.values())


def is_settings(value: object) -> bool:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not value.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            return False
        value = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        if any(is_settings(own) for name, own in value.items() if name in RECIPE):
            return True
    if not isinstance(value, dict):  # nor what only behaves like one, and may be unfinished
        return False
    return any(
        shares(value, part) or (isinstance(value.get(name), Mapping) and shares(value[name], part))
        for name, part in RECIPE.items()
    )


def shares(given: Mapping[Any, object], section: Mapping[str, Any], at_least: int = 2) -> bool:
    """Whether so many values of a section are among these, each under its key."""
    held = [
        name in given
        and isinstance(given[name], bool) == isinstance(value, bool)
        and plain(given[name]) == value
        for name, value in section.items()
    ]
    return sum(held) >= at_least


def plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, (bool, int, float, str, list)) else None


def ways_of_training(folder: Path) -> Iterator[tuple[str, object]]:
    """The ways of the recipe and of the training store through one small training."""
    from molmeta.assays import AssayStore, drug_mechanisms

    try:
        train = importlib.import_module("molmeta.training").train
    except ImportError:  # an older checkout
        train = importlib.import_module("molmeta.meta").train
    stores = [AssayStore.from_frame(drug_mechanisms(fold)) for fold in ("train", "valid")]
    ways = {"recipe": RecipeWay(), "store": Way(lambda _, value: isinstance(value, AssayStore))}
    recipe = {name: dict(part) for name, part in RECIPE.items()}

    def trace(frame: FrameType, event: str, value: object) -> None:
        if event in ("call", "return"):
            for way in ways.values():
                way(frame, event, value)

    sys.setprofile(trace)
    try:
        train(recipe, *stores, folder / "run")
    finally:
        sys.setprofile(None)
    for name, way in ways.items():
        yield f"way of the {name} through train", way.figures()
        if SHOW:
            for back, line, code in sorted(way.calls, key=lambda c: (c[2].co_filename, c[1])):
                print(f"    {back.co_qualname}:{line} -> {code.co_qualname}")


def way_to_a_score() -> Iterator[tuple[str, object]]:
    """The objects whose methods stand between `decision_function` and the head's own."""
    from molmeta import FewShotClassifier, load_model
    from molmeta.assays import drug_mechanisms

    table = drug_mechanisms("test").query("assay == 'fluoroquinolone'")
    table = table.sample(frac=1, random_state=0)
    model = FewShotClassifier(load_model("default"))
    model.fit(table["smiles"][:16], table["label"][:16])
    chains: list[list[str]] = []

    def trace(frame: FrameType, event: str, _: object) -> None:
        own = frame.f_locals.get("self")
        if event != "call" or not type(own).__module__.startswith("molmeta.models.heads"):
            return
        chain: list[str] = []
        back: FrameType | None = frame
        while back is not None and back.f_code.co_name != "decision_function":
            if back.f_globals.get("__name__", "").startswith("molmeta"):
                chain.append(back.f_code.co_qualname)
            back = back.f_back
        if back is not None:
            chains.append(chain[::-1])

    sys.setprofile(trace)
    try:
        model.decision_function(table["smiles"][16:18])
    finally:
        sys.setprofile(None)
    chain = max(chains, key=len)
    methods = [name for name in chain if "." in name and "<locals>" not in name]
    n_objects = len({name.split(".")[0] for name in methods[:-1]})
    what = "objects between decision_function and the head"
    yield what, f"{n_objects} of {len(chain)} calls ({' > '.join(chain)})"


def main() -> None:
    global SHOW
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, nargs="?", default=Path(__file__).parents[1])
    parser.add_argument("--show", action="store_true", help="list the calls of both ways")
    given = parser.parse_args()
    SHOW = given.show
    root = given.checkout.resolve()
    sys.path[:0] = [str(root), str(root / "cli")]
    with tempfile.TemporaryDirectory() as folder:
        for figures in (static(root), ways_of_training(Path(folder)), way_to_a_score()):
            for name, value in figures:
                print(f"{name:<52} {value}", flush=True)


SHOW = False

if __name__ == "__main__":
    main()
