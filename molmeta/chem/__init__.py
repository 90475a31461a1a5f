"""SMILES → what a model reads: graphs and fingerprints as flat arrays. No torch."""
