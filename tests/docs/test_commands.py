"""Every command that a page names could run as it stands; those of molmeta, test_pages.py runs.

A program or an option that no check here knows fails: nothing is passed over in silence.
"""

from __future__ import annotations

import argparse
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from packaging.requirements import Requirement
from typer.core import TyperGroup

import molmeta
from tests.docs.command import MEASURE, MOLMETA, OTHER_BLOCKS, PAGES, PROMPTS, Command, commands
from tests.docs.conftest import ROOT, from_docs

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TORCH = from_docs("release", "tools").TORCH


class Parsed(Exception):
    """A script has read its arguments, and goes no further."""


class Options(argparse.ArgumentParser):
    """The options of a program of others that the pages may name."""

    def __init__(self, **takes: int) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        for name, n in takes.items():
            dashes = "-" if len(name) == 1 else "--"
            kind = {"action": "append"} if n else {"action": "store_true"}
            self.add_argument(dashes + name.replace("_", "-"), dest=name, **kind)  # type: ignore[arg-type]

    def error(self, message: str) -> None:  # type: ignore[override]
        raise AssertionError(message)


def check_molmeta(command: Command) -> None:
    """Parse the arguments as the program does; of a part, look for the verb and each option."""
    verb, arguments = MOLMETA, [*command.words[1:]]
    while isinstance(verb, TyperGroup):
        name, *arguments = arguments
        assert name in verb.commands, f"no such verb: {name}"
        verb = verb.commands[name]
    if command.whole:
        verb.make_context(verb.name, arguments)
    assert {word for word in arguments if re.match(r"--?[a-z]", word)} <= options(verb)


def check_python(command: Command) -> None:
    """Let the script read its arguments; in running text some may be left out."""
    parse = argparse.ArgumentParser.parse_args
    script, *arguments = command.words[1:]
    if script == "-m":
        module, *arguments = arguments
        script = module.replace(".", "/") + ".py"
    if not command.whole and (not arguments or "…" in arguments):
        source = (ROOT / script).read_text(encoding="utf-8")
        assert all(f'"{word}"' in source for word in arguments if word.startswith("-"))
        return

    def stop(parser: argparse.ArgumentParser) -> None:
        parse(parser)
        raise Parsed

    with (
        mock.patch.object(sys, "argv", [script, *arguments]),
        mock.patch.object(argparse.ArgumentParser, "parse_args", stop),
        pytest.raises(Parsed),
    ):
        runpy.run_path(str(ROOT / script), run_name="__main__")


def check_torchrun(command: Command) -> None:
    """Parse torchrun's own options, then the program's."""
    from torch.distributed.run import get_args_parser

    read = get_args_parser().parse_args([*command.words[1:]])
    assert (read.module, read.training_script) == (True, "molmeta_cli")
    check_molmeta(Command(("molmeta", *read.training_script_args)))


def check_make(command: Command) -> None:
    """Let make find all that it would do."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    said = subprocess.run(["make", "-n", *command.words[1:]], cwd=ROOT, capture_output=True)
    assert said.returncode == 0, said.stderr


def check_pip(command: Command) -> None:
    """Hold what is installed against the project; one torch stands everywhere."""
    _, verb, *rest = command.words
    assert verb in ("install", "wheel")
    options = Options(w=1, find_links=1, no_index=0)
    for wanted in options.parse_known_args(rest)[1]:
        assert not wanted.startswith("-"), f"no such option here: {wanted}"
        if wanted.endswith(".whl"):
            assert fnmatch(f"molmeta-{molmeta.__version__}-py3-none-any.whl", wanted)
        elif wanted.startswith("torch"):
            assert wanted == TORCH
        elif wanted != ".":  # the checkout
            requirement = Requirement(wanted)
            assert requirement.name == PROJECT["name"]
            for extra in requirement.extras:
                _check_extra(extra)


def _check_extra(extra: str) -> None:
    """Is its every part here in a version that it allows, or installed by the Makefile?"""
    for part in map(Requirement, PROJECT["optional-dependencies"][extra]):
        try:
            assert part.specifier.contains(metadata.version(part.name), prereleases=True)
        except metadata.PackageNotFoundError:
            assert f"--editable '.[{extra}]'" in MAKEFILE, f"{part.name}: nothing installs it"


def check_docker(command: Command) -> None:
    """Hold image, ports, folders, variables and the program's arguments against the Dockerfile."""
    _, verb, *rest = command.words
    if verb == "build":
        assert Options(t=1).parse_known_args(rest)[1] == ["."]
        for source in re.findall(r"^COPY (?!--from=)(\S+) \S+$", DOCKERFILE, re.MULTILINE):
            assert (ROOT / source).exists(), source
        return
    assert verb == "run"
    options = Options(rm=0, p=1, v=1, e=1)
    options.add_argument("image")
    options.add_argument("arguments", nargs=argparse.REMAINDER)
    told = options.parse_args(rest)
    assert told.image == "molmeta"
    serve = {one.name: one for one in MOLMETA.commands["serve"].params}
    for port in told.p or ():
        assert port.rpartition(":")[2] == _of_image("EXPOSE") == str(serve["port"].default)
    for folder in told.v or ():
        assert folder.rpartition(":")[2] == _of_image("WORKDIR")
    for variable in told.e or ():
        assert variable.partition("=")[0] == serve["token"].envvar
    assert _of_image("ENTRYPOINT") == '["molmeta"]'
    arguments = told.arguments or re.findall(r'"([^"]+)"', _of_image("CMD"))
    check_molmeta(Command(("molmeta", *arguments)))


def _of_image(key: str) -> str:
    """Give what the Dockerfile says last of a key."""
    return re.findall(rf"^{key} (.+)$", DOCKERFILE, re.MULTILINE)[-1]


def check_curl(command: Command) -> None:
    """See that it is on the page whose request tests/web/test_http_page.py sends."""
    assert command in commands((ROOT / "docs/howto/http_api.md").read_text(encoding="utf-8"))


def check_export(command: Command) -> None:
    """See that a variable is set."""
    assert re.fullmatch(r"[A-Z_]+=\S+", command.words[1])


def check_pre_commit(command: Command) -> None:
    """See that what the hooks call is there."""
    assert command.words[1:] == ("install",)
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    for hook in (hook for repository in config["repos"] for hook in repository["hooks"]):
        program, *arguments = shlex.split(hook["entry"])
        assert shutil.which(program) or Path(sys.executable).with_name(program).exists(), program
        assert program != "python" or (ROOT / arguments[0]).exists()


CHECKS = {
    "curl": check_curl,
    "docker": check_docker,
    "export": check_export,
    "make": check_make,
    "molmeta": check_molmeta,
    "pip": check_pip,
    "pre-commit": check_pre_commit,
    "python": check_python,
    "torchrun": check_torchrun,
}


def check(text: str) -> None:
    """Check every command of a page."""
    for command in commands(text):
        try:
            CHECKS[command.program](command)
        except BaseException as error:  # of a parser, a SystemExit
            if isinstance(error, pytest.skip.Exception):
                raise
            pytest.fail(f"{shlex.join(command.words)}\n{type(error).__name__}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_could_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    languages = {block.language for block in MEASURE.blocks(text)}
    assert languages <= {*PROMPTS, *OTHER_BLOCKS}, "say in command.py what is typed there"
    check(text)


def test_commands_of_the_dockerfile_could_run() -> None:
    told = re.findall(r"^# +(docker .+)$", DOCKERFILE, re.MULTILINE)
    assert len(told) == 3
    check("```sh\n" + "\n".join(told) + "\n```\n")


@pytest.mark.parametrize("page", MEASURE.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_options_in_running_text_are_options(page: Path) -> None:
    text = MEASURE.FENCE.sub("", page.read_text(encoding="utf-8"))
    named = {word for span in re.findall(r"`(--[^`\n]+)`", text) for word in span.split()}
    assert {word for word in named if word.startswith("--")} <= options(MOLMETA)


def options(verb: Any) -> set[str]:
    """Name the options of a verb, or of all verbs of a group."""
    if isinstance(verb, TyperGroup):
        return set().union(*(options(one) for one in verb.commands.values()))
    return {name for one in verb.params for name in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize(
    "line",
    [
        "frobnicate x",  # a program that nothing here knows
        "molmeta rank --input a.csv",
        "molmeta screen --inputs a.csv",
        "python benchmarks/screen.py --molecules 3",
        "python benchmarks/gone.py",
        "python -m benchmarks.screen --molecules 3",
        "torchrun --nproc-per-node 2 -m molmeta train",
        "make demos",
        "pip install torch==2.12.0",
        "pip install 'molmeta[webb]'",
        "pip install --indexes x molmeta",
        "pip install moleculemeta",
        "docker build -t molmeta docker/",
        "docker run -p 8000:8000 molmeta",
        "docker run -v x:/work molmeta",
        "docker run -e TOKEN=x molmeta",
        "docker run --gpus all molmeta",
        "docker run molmeta rank",
        "curl http://127.0.0.1:8765/api/v1/rank",
        "export PYTHONPATH",
        "pre-commit run",
    ],
)
def test_what_could_not_run_is_seen(line: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        check(f"```sh\n{line}\n```\n")


def test_commands_are_found_wherever_they_stand() -> None:
    text = (
        "`make demo`, `make`, `A=1 pip install .`, `screen --top K`, `screen`\n"
        "```sh\n# none\nmolmeta predict \\\n  --input x  # why\n\nls -l\n```\n"
        "```console\n$ docker build .\nmake believe\n```\n"
        "```text\n$ curl -d '{\n  1}' x\n```\n"
        "```{code-cell}\n!molmeta example\nmake = 3\n```\n"
    )
    assert [command.words for command in commands(text)] == [
        ("molmeta", "predict", "--input", "x"), ("ls", "-l"), ("docker", "build", "."),
        ("curl", "-d", "{\n  1}", "x"), ("molmeta", "example"),
        ("make", "demo"), ("pip", "install", "."), ("molmeta", "screen", "--top", "K"),
    ]  # fmt: skip
