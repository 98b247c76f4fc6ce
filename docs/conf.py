"""How Sphinx builds the site: `tox run -e docs`."""

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
# The kernel that executes the notebook imports this checkout too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.path[1], os.environ.get("PYTHONPATH")]))

# Without compilation kernels are functions with docstrings. The notebook's kernel, started later, compiles them.
os.environ["NUMBA_DISABLE_JIT"] = "1"
import numba  # noqa: E402, F401

del os.environ["NUMBA_DISABLE_JIT"]

from made_pages import write_pages  # noqa: E402

from darkmask import __version__  # noqa: E402

project = "NIRCam dark checks"
author = "the authors of NIRCam dark checks"
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc", "myst_nb"]
html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False

# Pages keep the links that a reader of the repository follows: headings have the anchors that GitHub gives them.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# Executed once; the result is kept until a cell changes.
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).resolve().parent.parent / "build" / "notebooks")
nb_execution_raise_on_error = True
nb_execution_timeout = 600

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# A name of ours that a docstring refers to must be there, as must every page, heading and file that a page links to.
# Other sites are not asked, so that a build does not fail because one of them does: `tox run -e docs -- -b linkcheck`
# asks them.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!darkmask).*")]


def setup(app) -> None:
    """Write the pages made from the code and from files outside of this folder, before Sphinx looks for pages."""
    write_pages(Path(app.srcdir) / "made")
