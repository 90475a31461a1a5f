"""Settings of the documentation: `make docs` builds it, and executes its notebooks."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "cli")]
# The notebooks' kernels, and the programs that they start, read the checkout too.
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), str(HERE.parent / "cli")])
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ.setdefault("OMP_NUM_THREADS", "1")

import generate  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

import molmeta  # noqa: E402

generate.write(HERE / "reference" / "generated")

project = "molmeta"
author = "the authors of molmeta"
copyright = "the authors of molmeta"
release = version = molmeta.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
templates_path: list[str] = []
suppress_warnings = ["config.cache", "myst-nb.lexer"]  # a kernel names its lexer once it ran
default_role = "literal"  # what docstrings write between backticks is code
highlight_language = "none"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
toc_object_entries_show_parents = "hide"  # the column beside a page is narrow
napoleon_use_ivar = False  # which would lose the underscore of `classes_`

linkcheck_ignore = [r"https://doi\.org/"]  # publishers refuse programs

html_theme = "pydata_sphinx_theme"
html_title = f"molmeta {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def setup(app: Sphinx) -> None:
    """Leave out the methods that scikit-learn adds to every estimator."""
    app.connect("autodoc-skip-member", _of_scikit_learn)


def _of_scikit_learn(app: Sphinx, what: str, name: str, *_: object) -> bool | None:
    return True if name.startswith("set_") and name.endswith("_request") else None
