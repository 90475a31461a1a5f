"""The program's entry: its verbs, and how errors become messages and exit codes."""

import errno
import os
import sys
import warnings
from typing import Annotated

import typer

from molmeta import __version__
from molmeta.errors import InputError, Interrupted, MolmetaError
from molmeta_cli.verbs import VERBS

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
_STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0")

app = typer.Typer(
    name="molmeta",
    help="Learn a new assay from a few measured molecules.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in VERBS:
    if isinstance(verb, typer.Typer):  # a verb of several actions
        app.add_typer(verb)
    else:
        app.command(help=verb.__doc__)(verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"molmeta {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Learn a new assay from a few measured molecules."""


def main() -> None:
    """Run the program; exit codes: 0 done, 1 failed, 2 wrong use or bad input, 130 interrupted."""
    # Two OpenMP threads that spin on a busy two-core machine made a step 8-10 times slower.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Of torch_geometric, when it is imported beside torch 2.14.
    warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
    try:
        _check_standard_input(sys.argv[1:])
        app()
    except InputError as error:
        sys.exit(_say(str(error), WRONG_USE))
    except Interrupted as error:
        sys.exit(_say(f"{error}; add --resume to go on", INTERRUPTED))
    except OSError as error:  # a full disk, a file that went away
        too_long = error.errno == errno.ENAMETOOLONG
        sys.exit(_say(str(error), WRONG_USE if too_long else FAILED))
    except MolmetaError as error:
        sys.exit(_say(str(error), FAILED))


def _check_standard_input(arguments: list[str]) -> None:
    """Refuse standard input for two options: the second would find it empty.

    Raises:
        InputError: If it is named twice.
    """
    before = ["", *arguments]
    named = [
        word
        for word, option in zip(arguments, before, strict=False)
        if word.partition("=")[2 * word.startswith("--")] in _STANDARD_INPUT
        and option not in ("-o", "--output")
        and not word.startswith("--output=")
    ]
    if len(named) > 1:
        raise InputError.of(
            "standard input", got=f"{len(named)} options that read it", expected="one at most"
        )


def _say(message: str, code: int) -> int:
    print(f"molmeta: {message}", file=sys.stderr)
    return code
