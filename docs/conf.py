"""Sphinx configuration, for `make docs` and for rosdoc2 (see rosdoc2.yaml).

rosdoc2 copies this folder and executes this file from its own conf.py. It uses its own theme, and runs on
machines that have none of the package's dependencies.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

project = 'stream_infer_ros'
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode']
html_theme = 'furo'
html_title = project
# rosdoc2 writes an index.rst of its own beside our index.md.
exclude_patterns = ['_build', 'index.rst']

# Links such as [Fast DDS](how-to/fast-dds.md#profile) lead to headings.
myst_heading_anchors = 4

DEPENDENCIES = ('cv2', 'matplotlib', 'numpy', 'pydantic', 'rich', 'rosbags', 'typer', 'yaml')
autodoc_mock_imports = [name for name in DEPENDENCIES if find_spec(name) is None]
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented_params'
autodoc_member_order = 'bysource'
# References to other projects would need their inventories from the network.
nitpick_ignore_regex = [(r'py:.*', r'(?!stream_infer_ros\.).*')]


def unlink_files_outside_of_site(app: Sphinx, document: nodes.document) -> None:
    """Replace links to files of the repository that the site does not contain by their text.

    On GitHub such links work. The site has no page like ARCHITECTURE.md, and rosdoc2 copies only this folder.
    """
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for link in [*document.findall(pending_xref), *document.findall(download_reference)]:
        target = link['reftarget']
        is_page = link.get('refdomain') == 'doc'
        path = Path(app.srcdir, f'{target}.md') if is_page else folder / target
        is_inside = Path(os.path.normpath(path)).is_relative_to(app.srcdir)
        if (
            (is_page or isinstance(link, download_reference))
            and not is_inside
            and (is_page or not path.is_file())
        ):
            link.replace_self(link.children)


def setup(app: Sphinx) -> None:
    # Before Sphinx collects the files to download.
    app.connect('doctree-read', unlink_files_outside_of_site, priority=100)
