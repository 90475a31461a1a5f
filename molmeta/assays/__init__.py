"""Files → assays: readers, activity, curation, stores that open at once, splits, the catalog."""

from molmeta.assays.build import build_store, featurize_files, load_assays
from molmeta.assays.columns import Columns
from molmeta.assays.curation import Limits
from molmeta.assays.drug_mechanisms import drug_mechanisms
from molmeta.assays.library import Library, open_library
from molmeta.assays.store import Assay, AssayStore
from molmeta.assays.support import Support, read_support

__all__ = [
    "Assay",
    "AssayStore",
    "Columns",
    "Library",
    "Limits",
    "Support",
    "build_store",
    "drug_mechanisms",
    "featurize_files",
    "load_assays",
    "open_library",
    "read_support",
]
