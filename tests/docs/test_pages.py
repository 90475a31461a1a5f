"""Pages are short and readable, their links lead somewhere, and their code runs as printed."""

from __future__ import annotations

import codeop
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.cli.program import molmeta
from tests.docs.command import MEASURE, PROMPTS, Command, lines
from tests.docs.conftest import ROOT, from_docs

if TYPE_CHECKING:
    from measure import Block

PAGES = MEASURE.pages()
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
ELSEWHERE = {
    "fsmol": "1.5 GB to download",
    "muv -o": "to be downloaded",
    "--lists muv": "to be downloaded",
    "--engine ray": "needs Ray; tests/predict/test_ray.py runs it",
    "encoder.onnx": "takes minutes; tests/predict/test_export.py writes a small one",
    "--resume": "tests/training/test_run.py stops and resumes",
    "molmeta serve": "does not end; tests/web starts it",
}
"""Commands that are not run here, with the reason; test_commands.py checks them all the same."""

QUICK = ("quickstart", "ranked_list", "own_encoder", "drugs")
"""Pages whose code is run by the fast tests; all others begin with files of a trained run."""
CODE = ("python", "{code-cell}", "sh", "console")
WITH_CODE = [
    name
    for name, page in zip(NAMES, PAGES, strict=True)
    if name != "README.md"  # tests/test_readme.py
    and any(block.language in CODE for block in MEASURE.blocks(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read(name: str, measure: ModuleType) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    most = measure.MOST_WORDS_OF_README if name == "README.md" else measure.MOST_WORDS
    assert len(measure.words(text)) <= most
    assert measure.mean_sentence(text) <= measure.LONGEST_MEAN
    assert measure.dead_links(ROOT / name) == []
    assert "../shared" not in text, "a path that exists nowhere else"


def test_measures_see_what_is_wrong(measure: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n\n[gone](gone.md), [here](#a-title) and [lost](#lost). `](x)`\n")
    assert measure.dead_links(page) == ["gone.md", "#lost"]
    text = "One two three. Four five!\n\n- six\n- seven eight\n\n```sh\nno\n```\n| a | b |\n"
    assert measure.sentences(text) == ["One two three.", "Four five!", "six", "seven eight"]
    assert len(measure.words(text)) == 10
    assert measure.mean_sentence(text) == 2.0


def test_the_notebook_opens_with_conclusions() -> None:
    for page in sorted((ROOT / "research").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        assert "../shared" not in text
        assert page.name == "README.md" or re.match(r"# .+\n\n\*\*.+?[.]\*\*", text), page


def run(block: Block, names: dict[str, object]) -> None:
    """Run a block as a notebook or a shell would."""
    if block.code.startswith("%%writefile "):
        header, _, rest = block.code.partition("\n")
        Path(header.split()[1]).write_text(rest, encoding="utf-8")
    elif block.language in ("sh", "console"):
        for line in lines(block.code, PROMPTS[block.language]):
            call(line)
    else:
        names["_call"] = call
        code = re.sub(r"^!(.*)$", lambda found: f"_call({found[1]!r})", block.code, flags=re.M)
        exec(code, names)


def call(line: str) -> None:
    """Run the program; bad input is a result too, where a page shows what is refused."""
    command = Command.of(line)
    if command.program != "molmeta" or any(word in line for word in ELSEWHERE):
        return
    done = molmeta(*command.words[1:])
    refused = "again.csv" in line
    assert done.returncode == (2 if refused else 0), f"{line}\n{done.stderr}"


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if Path(n).stem in QUICK else pytest.mark.slow) for n in WITH_CODE],
)
def test_code_runs_as_printed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "here"
    if name.startswith("docs/tutorials") or name == "docs/quickstart.md":
        folder.mkdir()  # begins with nothing
    else:
        shutil.copytree(request.getfixturevalue("prepared"), folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    names: dict[str, object] = {}
    for block in MEASURE.blocks((ROOT / name).read_text(encoding="utf-8")):
        if block.language in CODE:
            run(block, names)


@pytest.mark.parametrize("name", WITH_CODE)
def test_cells_can_be_typed_into_python(name: str) -> None:
    for block in MEASURE.blocks((ROOT / name).read_text(encoding="utf-8")):
        if block.language == "{code-cell}" and not block.code.startswith("%%"):
            type_in(block.code)


def type_in(code: str) -> None:
    """Give code to Python line by line, as its prompt takes it: a blank line ends a block."""
    typed: list[str] = []
    for line in [*code.splitlines(), ""]:
        if not line.startswith("!"):
            typed.append(line)
            if codeop.compile_command("\n".join(typed), symbol="single"):
                typed.clear()
    assert "".join(typed) == "", "this is not complete"


def test_a_prompt_wants_a_blank_line_after_a_loop() -> None:
    type_in("for one in (1, 2):\n    print(one)\n\nprint(3)\n!molmeta example\nx = (\n 4)\n")
    with pytest.raises(SyntaxError):
        type_in("for one in (1, 2):\n    print(one)\nprint(3)\n")


def test_every_recipe_key_is_explained() -> None:
    generate = from_docs("generate")
    page = generate.recipe()["recipe"]
    keys = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", page, re.MULTILINE)
    assert len(keys) > 80
    assert [key for key, meaning in keys if not meaning.strip()] == []


def test_every_verb_and_every_export_has_its_place() -> None:
    generate = from_docs("generate")
    verbs = generate.verbs()["verbs"]
    assert all(f"\n## {verb}\n" in verbs for verb in ("predict", "screen", "data fetch"))
    pages = generate.api()
    assert ".. autoclass:: molmeta.FewShotClassifier\n" in pages["molmeta"]
    assert ".. autofunction:: molmeta.training.train\n" in pages["molmeta_training"]
