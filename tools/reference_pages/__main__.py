"""Write the generated pages of docs/reference: `python -m tools.reference_pages`."""

from pathlib import Path

from stream_infer_ros.config.reference import markdown
from tools.reference_pages import command_line_page, launch_arguments_page, with_drop_causes

REFERENCE = Path(__file__).resolve().parents[2] / 'docs' / 'reference'
PAGES = {
    'command-line.md': command_line_page,
    'launch-arguments.md': launch_arguments_page,
    'parameters.md': markdown,
}


def main() -> None:
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding='utf-8')
    diagnostics = REFERENCE / 'diagnostics.md'
    diagnostics.write_text(with_drop_causes(diagnostics.read_text(encoding='utf-8')), encoding='utf-8')


if __name__ == '__main__':
    main()
