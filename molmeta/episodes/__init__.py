"""Assays → episodes: a support set to learn from and a query set to be tested on."""
