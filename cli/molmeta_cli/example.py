"""`molmeta example`: bundled data and a first recipe, to try everything with."""

from molmeta_cli.console import say
from molmeta_cli.options import Output


def example(output: Output) -> None:
    """Write the bundled data and a first recipe into a folder (-o)."""
    from molmeta.assays.example import write_example

    for file, meaning in write_example(output).items():
        say(f"{output / file}: {meaning}")
    data = f"--data {output}/test.csv --support-sizes 8 --baselines rf,simsearch"
    tables = f"--support {output}/support.csv --input {output}/library.csv"
    say(
        "\nNext:\n"
        f"molmeta train {output}/train.csv --valid {output}/valid.csv"
        f" --config {output}/recipe.yaml -o RUN\n"
        f"molmeta evaluate --model RUN --model default {data} -o RESULTS\n"
        f"molmeta predict --model RUN {tables} -o FILE.csv"
    )
