"""`molmeta example`: bundled data and a first recipe, to try everything with."""

from __future__ import annotations

import typer

from molmeta_cli.console import say
from molmeta_cli.options import Output


def example(output: Output) -> None:
    """Write the bundled data and a first recipe into a folder (-o)."""
    from molmeta.assays.example import write_example

    for file, meaning in write_example(output).items():
        say(f"{output / file}: {meaning}")
    typer.echo(
        f"""Next:
  molmeta train {output}/train.csv --valid {output}/valid.csv --config {output}/recipe.yaml -o RUN
  molmeta evaluate --model RUN --data {output}/test.csv --support-sizes 8 --baselines rf,simsearch -o RESULTS
  molmeta predict --model RUN --support {output}/support.csv --input {output}/library.csv -o FILE.csv""",
        err=True,
    )
