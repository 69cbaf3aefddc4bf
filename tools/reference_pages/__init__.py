"""Reference pages of the documentation that are generated from the code.

They are kept in git for two reasons. docs.ros.org builds the site in a container with Sphinx only, without
the dependencies of the package. Readers on GitHub need them, too.
`test/docs/test_docs_reference.py` fails if a page differs from the code.
"""

from tools.reference_pages.command_line import command_line_page
from tools.reference_pages.drop_causes import with_drop_causes
from tools.reference_pages.launch_arguments import launch_arguments_page

__all__ = ['command_line_page', 'launch_arguments_page', 'with_drop_causes']
