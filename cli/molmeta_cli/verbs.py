"""The list of verbs; each lives in a module of its own and imports the library when it runs."""

from molmeta_cli.compare import compare
from molmeta_cli.data import data
from molmeta_cli.embed import embed
from molmeta_cli.evaluate import evaluate
from molmeta_cli.example import example
from molmeta_cli.export import export
from molmeta_cli.featurize import featurize
from molmeta_cli.info import info
from molmeta_cli.predict import predict
from molmeta_cli.screen import screen
from molmeta_cli.serve import serve
from molmeta_cli.split import split
from molmeta_cli.suggest import suggest
from molmeta_cli.train import train

VERBS = (
    example, data, featurize, split, train, evaluate, compare,
    predict, suggest, screen, serve, embed, export, info,
)  # fmt: skip
