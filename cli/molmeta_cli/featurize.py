"""`molmeta featurize`: files → an assay store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from molmeta.errors import InputError
from molmeta.resources import check_outputs, n_cores
from molmeta_cli.console import counter, say
from molmeta_cli.options import (
    Columns,
    Data,
    Format,
    Output,
    Workers,
    say_what_was_read,
    with_flags,
)


@dataclass(frozen=True)
class Options:
    """Of `molmeta featurize`."""

    data: Data
    output: Output
    columns: Columns
    format: Format = "auto"
    min_molecules: Annotated[int, typer.Option(min=0, help="Drop assays with fewer molecules.")] = 0
    min_per_class: Annotated[
        int, typer.Option(min=0, help="Drop assays with fewer of either class.")
    ] = 0
    duplicates: Annotated[str, typer.Option(help="What tells repeats: inchikey or smiles.")] = (
        "inchikey"
    )
    fingerprints: Annotated[
        bool, typer.Option("--fingerprints", help="Store ECFP counts as well.")
    ] = False
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Store counts of torsions and atom pairs as well.")
    ] = False
    descriptors: Annotated[
        bool, typer.Option("--descriptors", help="Store RDKit descriptors as well.")
    ] = False
    standardize: Annotated[
        bool,
        typer.Option(
            help="Bring molecules to standard form: largest fragment, neutral, groups one way."
        ),
    ] = True
    stereo: Annotated[bool, typer.Option(help="Keep stereochemistry in it.")] = True
    isotopes: Annotated[bool, typer.Option(help="Keep isotope labels in it.")] = True
    one_tautomer: Annotated[
        bool, typer.Option("--one-tautomer", help="Replace tautomers by RDKit's canonical one.")
    ] = False
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="The audit as a page.")
    ] = None
    workers: Workers = None


@with_flags
def featurize(options: Options) -> None:
    """Turn tables of measurements into an assay store (-o), with an audit of every row."""
    from molmeta.assays import Limits, featurize_files
    from molmeta.chem.standardize import STANDARD, Standardizer
    from molmeta.chem.standardize import describe as describe_form

    check_outputs([options.output, options.report], options.data)
    form = Standardizer(
        keep_stereo=options.stereo,
        keep_isotopes=options.isotopes,
        keep_tautomer=not options.one_tautomer,
    )
    if not options.standardize and form != STANDARD:
        raise InputError.of(
            "--no-standardize", got=describe_form(form), expected="no other flag of that form"
        )
    features = {
        "fingerprints": options.fingerprints,
        "pairs": options.pairs,
        "descriptors": options.descriptors,
    }
    with counter("molecules") as progress:
        store = featurize_files(
            options.data,
            options.output,
            columns=options.columns,
            format=options.format,
            limits=Limits(min_molecules=options.min_molecules, min_per_class=options.min_per_class),
            duplicates=options.duplicates,
            workers=options.workers or n_cores(),
            features=[name for name, wanted in features.items() if wanted],
            standardize=form if options.standardize else None,
            progress=progress,
        )
    say_what_was_read(store, *options.data)
    say(f"{options.output}: {len(store):,} assays, {store.n_molecules:,} molecules")
    if options.report is not None:
        from molmeta.assays.audit_page import write_audit_page

        write_audit_page(store, options.report)
        say(f"the audit as a page: {options.report}")
