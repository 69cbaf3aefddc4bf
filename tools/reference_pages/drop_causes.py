"""The tables of docs/reference/diagnostics.md that explain the causes of lost images."""

from __future__ import annotations

import re

from stream_infer_ros.drop_causes import DropCause, NotMappedCause

TABLES = {'dropped': DropCause, 'not_mapped': NotMappedCause}


def with_drop_causes(page: str) -> str:
    """Return the page with the marked parts replaced by tables of all causes."""
    for mark, causes in TABLES.items():
        rows = [f'| `{mark}.{cause}` | {cause.meaning} | {cause.remedy} |' for cause in causes]
        table = '\n'.join(['| value | what happened | what to do |', '| --- | --- | --- |', *rows])
        begin, end = f'<!-- {mark}: begin -->\n', f'<!-- {mark}: end -->'
        page = re.sub(
            f'(?<={begin}).*(?={end})', lambda _, table=table: f'\n{table}\n\n', page, flags=re.DOTALL
        )
    return page
