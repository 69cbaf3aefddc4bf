"""Sphinx configuration: `make docs`, and rosdoc2 through rosdoc2.yaml."""

project = 'stream_infer_ros'
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode']
html_theme = 'furo'
html_title = project
exclude_patterns = ['_build']
# Links like [Fast DDS](how-to/fast-dds.md#the-profile) go to headings.
myst_heading_anchors = 4
