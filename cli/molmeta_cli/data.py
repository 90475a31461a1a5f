"""`molmeta data`: public data sets: what there is, what is known about it, and fetching it."""

from pathlib import Path
from typing import Annotated

import typer

from molmeta_cli.console import counter, say

data = typer.Typer(
    name="data", help="Public data sets: list them, describe one, fetch one.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `molmeta data list` gives it.")]


@data.command("list")
def list_() -> None:
    """List the data sets that molmeta knows."""
    from molmeta.assays.catalog import cards

    for name, card in cards().items():
        typer.echo(f"{name:<16} {card.title}")


@data.command()
def info(name: Name) -> None:
    """Say what is known about a data set: source, licence, citation, columns, splits."""
    from molmeta.assays.catalog import find_card

    card = find_card(name)
    facts = {
        "title": card.title,
        "licence": card.licence,
        "homepage": card.homepage,
        "cite": card.citation,
        "size": card.size,
    }
    for field, value in facts.items():
        if value:
            typer.echo(f"{field:<10} {value}")
    for file in card.files:
        typer.echo(f"{'file':<10} {file.name} from {file.url}, {file.checksum or 'no checksum'}")
    for column, meaning in card.columns.items():
        typer.echo(f"{'column':<10} {column}: {meaning}")
    if isinstance(card.splits, str):
        typer.echo(f"{'splits':<10} {card.splits}")
        return
    for fold, assays in card.splits.items():
        if isinstance(assays, str):  # a range, as of Python's slices
            begin, _, end = assays.partition(":")
            text = f"assays {int(begin) + 1} to {end} of the file"
        else:
            text = f"{len(assays)} assays"
        typer.echo(f"{'fold':<10} {fold}: {text}")


@data.command()
def fetch(
    name: Name,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for its files.",
            show_default="NAME in $MOLMETA_DATA or ~/.cache/molmeta",
        ),
    ] = None,
) -> None:
    """Download a data set; an interrupted download goes on where it broke off."""
    from molmeta.assays.catalog import fetch as fetch_files
    from molmeta.assays.catalog import find_card

    card = find_card(name)
    say(f"{card.title}; licence: {card.licence}")
    with counter("bytes") as progress:
        folder = fetch_files(card, output, progress=progress)
    say(f"{folder}: {', '.join(file.name for file in card.files)}")
    say(f"next: molmeta featurize {folder} -o {name}.store")
