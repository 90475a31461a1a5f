"""`molmeta suggest`: which molecules to measure next."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from molmeta.resources import check_outputs
from molmeta_cli.console import counter, say
from molmeta_cli.known import Learning, check_known, learn_supports
from molmeta_cli.options import Assay, Output, with_flags


@dataclass(frozen=True)
class Options(Learning):
    """Of `molmeta suggest`."""

    support: Annotated[
        Path,
        typer.Option(help="What is measured so far, with labels or values; or what --save wrote."),
    ]
    input: Annotated[
        list[Path], typer.Option(help="What could be measured: files or folders; may be repeated.")
    ]
    output: Output
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many.")] = 10
    strategy: Annotated[
        str,
        typer.Option(
            help="greedy (the highest scores), uncertain (p nearest to one half) or diverse "
            "(high scores that do not resemble each other)."
        ),
    ] = "greedy"
    assay: Assay = None


@with_flags
def suggest(options: Options) -> None:
    """Suggest which molecules of a library to measure next."""
    from molmeta.predict.files import check_ending, write_table

    check_ending(options.output, ".xlsx")
    check_outputs([options.output], [options.support, *options.input])
    check_known(options, [options.support], assay=options.assay)
    library = options.open_input(options.input)
    assert library is not None  # --input is required
    from molmeta.predict.library.suggest import suggest as run
    from molmeta.predict.table import rounded

    [learnt], _ = learn_supports(options, options.support, options.assay)
    with counter("molecules", library.count) as progress:
        table = run(
            learnt,
            library,
            options.number,
            strategy=options.strategy,
            workers=options.n_workers,
            progress=progress,
        )
    write_table(rounded(table), options.output)
    n_known = len(learnt.classifier.known_.smiles)
    told = f"{len(table)} molecules, {options.strategy}, from {n_known} measured ones"
    say(f"{options.output}: {told}")
