"""Sphinx: `make docs` builds these pages into build/site, with warnings as errors."""

from newscrawl import __version__

project = "newscrawl"
author = "the newscrawl developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinxcontrib.mermaid"]
html_theme = "furo"
html_title = "newscrawl"
exclude_patterns = ["requirements.txt"]
nitpicky = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "model_config, model_post_init"}
autodoc_typehints_format = "short"
