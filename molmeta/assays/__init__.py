"""Files → assays: readers, activity, curation, and stores that open at once."""

from molmeta.assays.build import build_store, featurize_files, load_assays
from molmeta.assays.columns import Columns
from molmeta.assays.drug_mechanisms import drug_mechanisms
from molmeta.assays.library import Library, open_library
from molmeta.assays.store import Assay, AssayStore

__all__ = [
    "Assay",
    "AssayStore",
    "Columns",
    "Library",
    "build_store",
    "drug_mechanisms",
    "featurize_files",
    "load_assays",
    "open_library",
]
