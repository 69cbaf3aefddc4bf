"""Sphinx configuration, for `make docs` and for rosdoc2 (see rosdoc2.yaml).

rosdoc2 copies this folder and executes this file from its own conf.py. It uses its own theme, and runs on
machines that have none of the package's dependencies.
"""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.ext.autodoc.mock import _MockObject

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

project = 'stream_infer_ros'
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode']
html_theme = 'furo'
html_title = project
# rosdoc2 writes files of its own beside ours, among them a second index and copies of README.md.
PAGES_OF_ROSDOC2 = ('__links', '__ros_package_dependencies', '__CHANGELOG', '__PACKAGE')
exclude_patterns = ['_build', 'index.rst', 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.rst']
exclude_patterns += [
    f'__{name}.rst' for name in ('README', 'readme_include', 'CONTRIBUTING', 'LICENSE', 'standards')
]

# Links such as [Fast DDS](how-to/fast-dds.md#profile) lead to headings.
myst_heading_anchors = 4

DEPENDENCIES = [
    'cv2',
    'filelock',
    'matplotlib',
    'numpy',
    'platformdirs',
    'pydantic',
    'rich',
    'rosbags',
    'typer',
    'yaml',
]
autodoc_mock_imports = [name for name in DEPENDENCIES if find_spec(name) is None]
# Constants of the package are computed from numpy's when a module is imported; so are those from its mock.
for operator in ('add', 'radd', 'sub', 'rsub', 'mul', 'rmul', 'truediv', 'rtruediv', 'pow', 'neg'):
    setattr(_MockObject, f'__{operator}__', lambda self, *others: self)
_MockObject.__float__ = lambda self: 0.0
autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'
NUMPY_ARRAY = re.compile(
    r'~?numpy\.ndarray\[~?tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[~?(?:\w+\.)?(\w+)\]\]'
)
autodoc_member_order = 'bysource'
autodoc_preserve_defaults = True
# The attributes of a class are part of its description, not members of their own.
napoleon_use_ivar = True
# References to other projects would need their inventories from the network.
nitpick_ignore_regex = [
    (r'py:.*', r'(?!stream_infer_ros\.).*'),
    # The reference of parameters describes the configuration tree.
    (r'py:.*', r'stream_infer_ros\.config\..*'),
    # Values inside of a Result that programs seldom need.
    (r'py:.*', r'stream_infer_ros\.(pipeline\.(results|assembly)|mapping)\..*'),
]


def unlink_files_outside_of_site(app: Sphinx, document: nodes.document) -> None:
    """Replace links to files that the site does not contain, such as ARCHITECTURE.md, by their text.

    On GitHub these links work. rosdoc2 builds a copy of this folder, without the rest of the repository.
    """
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for link in [*document.findall(pending_xref), *document.findall(download_reference)]:
        # MyST gives the names of pages relative to the root of the site, and those of other files as written.
        start = Path(app.srcdir) if link.get('refdomain') == 'doc' else folder
        path = Path(os.path.normpath(start / link['reftarget']))
        can_be_downloaded = isinstance(link, download_reference) and path.is_file()
        if not path.is_relative_to(app.srcdir) and not can_be_downloaded:
            link.replace_self(link.children)


def list_pages_of_rosdoc2(app: Sphinx, page: str, source: list[str]) -> None:
    """Add the pages that rosdoc2 writes from package.xml and CHANGELOG.rst to the table of contents."""
    pages = [name for name in PAGES_OF_ROSDOC2 if Path(app.srcdir, f'{name}.rst').is_file()]
    if page == 'index' and pages:
        source[0] += '\n'.join(['', '```{toctree}', ':caption: Package', ':hidden:', '', *pages, '```', ''])


def shorten_signature(
    app: Sphinx,
    what: str,
    name: str,
    described: object,
    options: object,
    arguments: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Write NDArray[float32] instead of numpy's long form, and no constructor for a protocol."""
    if getattr(described, '_is_protocol', False):
        return '', None
    texts = (
        None if text is None else NUMPY_ARRAY.sub(r'NDArray[\1]', text) for text in (arguments, returned)
    )
    return next(texts), next(texts)


def setup(app: Sphinx) -> None:
    app.connect('autodoc-process-signature', shorten_signature)
    app.connect('source-read', list_pages_of_rosdoc2)
    # Before Sphinx collects the files to download.
    app.connect('doctree-read', unlink_files_outside_of_site, priority=100)
