"""`molmeta evaluate`: how well models learn assays that they have never seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.resources import check_outputs, n_cores
from molmeta_cli.console import fraction, say
from molmeta_cli.options import (
    Columns,
    Device,
    Format,
    Output,
    Report,
    TrustCode,
    Workers,
    names,
    numbers,
    read_assays,
    with_flags,
)

if TYPE_CHECKING:
    from molmeta.evaluation import Method


@dataclass(frozen=True)
class Options:
    """Of `molmeta evaluate`."""

    data: Annotated[list[Path], typer.Option(help="Assays: tables or stores; may be repeated.")]
    output: Output
    columns: Columns
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A run folder or shipped model; may be repeated. Where nothing else is to be "
            "evaluated, the shipped one.",
        ),
    ] = None
    trust_code: TrustCode = False
    task: Annotated[str, typer.Option(help="classification, or regression of the values.")] = (
        "classification"
    )
    protocol: Annotated[str, typer.Option(help="How episodes are drawn.")] = "fsmol"
    support_sizes: Annotated[str, typer.Option(help="Comma-separated numbers of molecules.")] = (
        "16,32,64"
    )
    draws: Annotated[int, typer.Option(min=1, help="Draws an assay and size.")] = 10
    baselines: Annotated[
        str,
        typer.Option(
            help="Comma-separated, e.g. rf,simsearch; probe:MODEL is a linear model on MODEL's "
            "encoder."
        ),
    ] = ""
    use_values: Annotated[
        bool,
        typer.Option(
            "--use-values", help="Grade support labels by their values; published figures do not."
        ),
    ] = False
    assay_info: Annotated[
        Path | None, typer.Option(help="CSV of assay_id and target_class, for means by class.")
    ] = None
    report: Report = None
    frequent_hitters: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Training assays: also evaluate how far knowing often-active molecules goes.",
        ),
    ] = None
    device: Device = "auto"
    workers: Workers = None
    format: Format = "auto"


@with_flags
def evaluate(options: Options) -> None:
    """Evaluate models and baselines on unseen assays; -o is the folder of results."""
    from molmeta.assays.info import read_assay_info
    from molmeta.evaluation import evaluate as run_evaluation
    from molmeta.evaluation.compare import compare_folders
    from molmeta.evaluation.frequent_hitters import FrequentHitters
    from molmeta.evaluation.learners import model_methods, named_methods
    from molmeta.evaluation.protocol import find_task
    from molmeta.evaluation.report import write_report
    from molmeta.evaluation.texts import as_text
    from molmeta.learning.device import pick_device

    check_outputs([options.output, options.report], options.data)
    aim, place = find_task(options.task), str(pick_device(options.device))
    nothing_else = not (options.baselines or options.frequent_hitters)
    models = options.model or (["default"] if nothing_else else [])
    methods: list[Method] = [
        *model_methods(models, place, task=aim, trust_code=options.trust_code),
        *named_methods(names(options.baselines), aim, place, trust_code=options.trust_code),
    ]
    forms = [method.training.standardize for method in methods if method.training]
    if options.frequent_hitters:
        seen = read_assays([options.frequent_hitters], options.columns, forms=forms)
        methods.append(FrequentHitters.fit(seen))
    store = read_assays(options.data, options.columns, options.format, forms)
    if options.assay_info:
        store = store.with_info(read_assay_info(options.assay_info, ["target_class"]))
    with fraction("assays × sizes") as progress:
        results = run_evaluation(
            methods,
            store,
            protocol=options.protocol,
            support_sizes=numbers(options.support_sizes, "--support-sizes"),
            draws=options.draws,
            task=aim,
            use_values=options.use_values,
            out=options.output,
            workers=options.workers or n_cores(),
            progress=progress,
        )
    say(as_text(results))
    say(f"per draw and per assay: {options.output}")
    if options.report:
        write_report(compare_folders([options.output]), options.report)
        say(f"report: {options.report}")
