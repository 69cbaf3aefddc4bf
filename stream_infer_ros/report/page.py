"""The report as a single HTML page without external files."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

Rows = Mapping[str, Any]


def render_page(
    summary: Mapping[str, Any],
    verdict: tuple[bool, str],
    tiles: Sequence[tuple[str, bytes]],
    map_png: bytes,
    latency_png: bytes,
) -> str:
    """Return the page, with all images embedded.

    Args:
        summary: the content of report.json. Each mapping in it becomes a table.
        verdict: True if all requirements were met, and a sentence that says so.
        tiles: (caption, JPEG) of each camera.
        map_png, latency_png: PNG files.
    """
    held, sentence = verdict
    template = Template((Path(__file__).parent / 'page.html').read_text(encoding='utf-8'))
    subtitle = (
        f'{summary["rate_hz"]:g} Hz for {summary["duration_s"]:g} s, seed {summary["seed"]}, '
        f'{summary["engine"]} on {summary["model"]}'
    )
    return template.substitute(
        verdict=html.escape(sentence),
        colour='#009e73' if held else '#d55e00',
        streams=summary['streams'],
        subtitle=html.escape(subtitle),
        tiles=''.join(_tile(caption, jpeg) for caption, jpeg in tiles),
        map_picture=_data_url(map_png, 'png'),
        latency_picture=_data_url(latency_png, 'png'),
        tables=''.join(_table(name, rows) for name, rows in summary.items() if isinstance(rows, Mapping)),
    )


def _tile(caption: str, jpeg: bytes) -> str:
    return (
        f'<figure><img src="{_data_url(jpeg, "jpeg")}" alt="{html.escape(caption)}">'
        f'<figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def _table(name: str, rows: Rows) -> str:
    if not rows:
        return ''
    lines = ''.join(
        f'<tr><td>{html.escape(str(key))}</td><td>{html.escape(_value(value))}</td></tr>'
        for key, value in rows.items()
    )
    return f'<table><tr><th colspan="2">{html.escape(name)}</th></tr>{lines}</table>'


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ', '.join(f'{key} {_value(inner)}' for key, inner in value.items())
    return f'{value:.3g}' if isinstance(value, float) else str(value)


def _data_url(data: bytes, kind: str) -> str:
    return f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
