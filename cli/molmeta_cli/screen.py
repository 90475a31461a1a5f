"""`molmeta screen`: libraries of any size against any number of assays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import InputError
from molmeta.resources import check_outputs, n_cores
from molmeta_cli.console import counter, say
from molmeta_cli.known import Learning, check_known, learn_assays
from molmeta_cli.options import with_flags

if TYPE_CHECKING:
    from molmeta.assays import Library
    from molmeta.predict.learnt import LearntAssay
    from molmeta.predict.library.screen import Shard, Summary
    from molmeta.predict.library.vectors import VectorFile
    from molmeta.predict.panel import Panel


@dataclass(frozen=True)
class Options(Learning):
    """Of `molmeta screen`."""

    support: Annotated[
        list[Path],
        typer.Option(
            help="Molecules of one or more assays with labels or values, or what predict --save "
            "wrote; may be repeated."
        ),
    ]
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder; the same call goes on with it.")
    ]
    input: Annotated[
        list[Path] | None, typer.Option(help="The library: files or folders; may be repeated.")
    ] = None
    embeddings: Annotated[
        Path | None, typer.Option(help="Instead, vectors that `molmeta embed` stored.")
    ] = None
    top: Annotated[
        int | None, typer.Option(min=1, help="Keep the best so many of each assay, not all rows.")
    ] = None
    hits: Annotated[
        Path | None,
        typer.Option(
            help="Also write the best (--top) with all columns of predict: .xlsx, .csv, .sdf …"
        ),
    ] = None
    properties: Annotated[
        bool,
        typer.Option("--properties", help="Add weight, logP, polar surface, alerts to --hits."),
    ] = False
    shard: Annotated[
        str, typer.Option(metavar="i/n", help="Do every n-th part of the library.")
    ] = "1/1"
    engine: Annotated[
        str, typer.Option(help="local, or ray: parts are shared out over a cluster.")
    ] = "local"


@with_flags
def screen(options: Options) -> None:
    """Score a library of any size by one pass for all assays; goes on where it was stopped."""
    _check(options)
    check_known(options, options.support, several=True)
    library = options.open_input(options.input)
    from molmeta.predict.learnt import panel_of
    from molmeta.predict.library.hits import check_library
    from molmeta.predict.library.screen import Shard
    from molmeta.predict.library.sources import pick_engine

    if options.hits is not None and library is not None:
        check_library(library, properties=options.properties)
    part = Shard.parse(options.shard)
    pick_engine(options.engine)
    on_cluster = options.engine == "ray" and options.device == "auto"
    model = (replace(options, device="cpu") if on_cluster else options).load()
    vectors = None
    if options.embeddings is not None:
        from molmeta.predict.library.vectors import VectorFile

        vectors = VectorFile.open(options.embeddings, model)
    learnt = learn_assays(options, options.support, model)
    panel = panel_of(learnt)
    n_support = sum(map(len, panel.labels))
    say(f"assays: {len(panel.assays):,}; measured molecules of all: {n_support:,}")
    done = _score(options, panel, part, library or vectors)
    if done.n_done_before:
        say(f"went on after {done.n_done_before:,} rows that were done")
    say(f"{done.result}: {done.n_rows:,} rows read, {sum(done.rejected.values()):,} rejected")
    for reason, count in list(done.rejected.items())[:5]:
        say(f"  {count:,} × {reason}")
    if options.hits is not None and library is not None:
        _write_hits(options, learnt, done.result, library)


def _check(options: Options) -> None:
    """Refuse what can be refused at once."""
    from molmeta.predict.files import check_ending

    if options.engine != "local" and options.embeddings is not None:
        raise InputError.of(
            f"--engine {options.engine}",
            got="--embeddings, which one machine scores faster than it sends them about",
            expected="--input, or --engine local (and --shard)",
        )
    if bool(options.input) == (options.embeddings is not None):
        raise InputError.of(
            "library",
            got="both --input and --embeddings"
            if options.input
            else "neither --input nor --embeddings",
            expected="one of them",
        )
    if options.hits is None:
        if options.properties:
            raise InputError.of("--properties", got="no --hits", expected="a file for the hits")
        return
    if options.top is None or not options.input:
        raise InputError.of(
            f"--hits {options.hits}",
            got="no --input" if options.top else "no --top",
            expected="--input and --top, how many of each assay",
        )
    check_ending(options.hits, ".xlsx", ".sdf")
    check_outputs([options.output, options.hits], [*options.support, *options.input])


def _score(
    options: Options, panel: Panel, part: Shard, library: Library | VectorFile | None
) -> Summary:
    from molmeta.assays import Library
    from molmeta.predict.library.screen import Source, rows_done, screen
    from molmeta.predict.library.sources import MoleculeSource, VectorSource, pick_engine

    assert library is not None  # checked before

    def left() -> int:
        return max(0, library.count() // part.count - rows_done(options.output, part))

    source: Source
    with counter("molecules", left) as progress:
        if isinstance(library, Library):
            workers = options.workers or (n_cores() if options.engine == "local" else None)
            engine = pick_engine(options.engine)
            source = MoleculeSource(library, workers, progress=progress, engine=engine)
        else:
            source = VectorSource(library, progress=progress)
        return screen(panel, source, options.output, top=options.top, shard=part)


def _write_hits(
    options: Options, learnt: Sequence[LearntAssay], best: Path, library: Library
) -> None:
    from molmeta.predict.files import write_table
    from molmeta.predict.library.hits import tell_hits

    assert options.hits is not None  # asked before
    table, smiles = tell_hits(
        learnt,
        best,
        library.smiles_column,
        properties=options.properties,
        workers=options.n_workers,
    )
    write_table(table, options.hits, smiles)
    say(f"{options.hits}: {len(table):,} rows, each assay's best first")
