"""A command that a page names: in a block for a shell, behind a prompt, or in running text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer.main
from molmeta_cli.main import app

from tests.docs.conftest import ROOT, from_docs

MEASURE = from_docs("measure")
PAGES = (*MEASURE.pages(), ROOT / "CONTRIBUTING.md", *sorted((ROOT / "research").glob("*.md")))
PROMPTS = {"sh": "", "console": "$ ", "text": "$ ", "{code-cell}": "!"}
"""What a line of a block begins with that is typed into a shell."""

OTHER_BLOCKS = {"python", "pycon", "{image}", "{include}", "{toctree}"}
PROGRAMS = {
    "curl", "docker", "export", "make", "molmeta", "pip", "pre-commit", "python", "torchrun",
}  # fmt: skip
MOLMETA: Any = typer.main.get_command(app)


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        words: Its words, the program's name first.
        whole: Whether all of it stands there; in running text only some options may.
    """

    words: tuple[str, ...]
    whole: bool = True

    @classmethod
    def of(cls, line: str, *, whole: bool = True) -> Command:
        """Split a line as a shell does; what it sets for the program comes first, and goes."""
        words = shlex.split(line, comments=True)
        while len(words) > 1 and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        return cls(tuple(words), whole)

    @property
    def program(self) -> str:
        """The name of its program."""
        return self.words[0]


def commands(text: str) -> Iterator[Command]:
    """Find the commands of a page, in order: those of its blocks, then those of its text."""
    for block in MEASURE.blocks(text):
        if block.language in PROMPTS:
            for line in lines(block.code, PROMPTS[block.language]):
                yield Command.of(line)
    for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", MEASURE.FENCE.sub("", text)):
        first, _, rest = re.sub(r"^(\w+=\S+ )+", "", span).partition(" ")
        if first in PROGRAMS and rest:
            yield Command.of(span, whole=False)
        elif first in MOLMETA.commands and re.search(r"(^| )--?[a-z]", rest):
            yield Command.of(f"molmeta {span}", whole=False)


def lines(code: str, prompt: str) -> Iterator[str]:
    """Join what goes over several lines: by a backslash, or within quotation marks."""
    pending = ""
    for line in re.sub(r"\\\n\s*", " ", code).splitlines():
        if pending or line.startswith(prompt):
            pending += line if pending else line.removeprefix(prompt)
            try:
                shlex.split(pending, comments=True)
            except ValueError:  # no closing quotation mark yet
                pending += "\n"
                continue
            if shlex.split(pending, comments=True):
                yield pending.strip()
            pending = ""
    assert not pending, f"a quotation mark is not closed: {pending}"
