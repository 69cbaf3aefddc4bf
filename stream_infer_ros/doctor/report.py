"""The report of an examination: text for a terminal, and JSON for programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from stream_infer_ros.doctor.examination import Examination
from stream_infer_ros.doctor.findings import Finding, Severity
from stream_infer_ros.doctor.geometry import GroundInView, ground_in_view
from stream_infer_ros.doctor.observation import CameraFacts, Observation

SCHEMA = 1
LONGEST = 600
_COLOURS = {Severity.ERROR: 'bold red', Severity.WARNING: 'yellow', Severity.NOTE: 'cyan'}


def printable(text: str) -> str:
    """Return text from the graph so that a terminal shows it: one line, escaped, of bounded length."""
    text = ''.join(
        c if c.isprintable() else c.encode('unicode_escape').decode() for c in ' '.join(text.split())
    )
    return text if len(text) <= LONGEST else f'{text[:LONGEST]} ...'


def text_report(result: Examination) -> Iterator[str]:
    """Yield the lines of the report, in the markup of rich."""
    seen = result.seen
    yield f'[bold]{escape(printable(_source(seen)))}[/]'
    yield from _facts(result)
    yield ''
    for finding in result.findings:
        yield from _finding(finding)
    counts = Counter(finding.severity for finding in result.findings)
    if result.ok:
        notes = f' ({counts[Severity.NOTE]} notes)' if counts[Severity.NOTE] else ''
        yield f'[green]Nothing is wrong.[/]{notes}'
    else:
        words = [f'{counts[severity]} {severity}s' for severity in Severity if counts[severity]]
        yield f'[bold]{", ".join(words)}[/]'


def json_report(result: Examination) -> dict[str, Any]:
    """Return the report as values for JSON; docs/how-to/doctor.md describes them."""
    seen, network = result.seen, result.network
    counts = Counter(finding.severity for finding in result.findings)
    return {
        'schema': SCHEMA,
        'ok': result.ok,
        'counts': {str(severity): counts[severity] for severity in Severity},
        'source': {
            'kind': 'live' if seen.is_live else 'recording',
            'graph': seen.config.graph.kind if seen.is_live else None,
            'path': None if seen.recording is None else str(seen.recording),
            'seconds': round(seen.duration_s, 3),
            'topics': len(seen.topics),
        },
        'findings': [
            {
                'severity': str(finding.severity),
                'problem': finding.problem,
                'subject': finding.subject,
                'what': finding.what,
                'remedy': finding.remedy,
            }
            for finding in result.findings
        ],
        'cameras': [_camera_values(camera, seen) for camera in seen.cameras],
        'matching': _matching_values(seen),
        'network': {
            'file': network.file,
            'engine': network.engine or None,
            'family': network.family or None,
            'classes': list(network.class_names),
            'frame_ms': round(network.frame_ms, 3) or None,
            'offered_hz': round(network.offered_hz(seen), 2),
            'offered_streams': len(seen.heard),
            'expected_streams': network.expected_streams(seen) if network.frame_ms and seen.heard else None,
        },
    }


def _source(seen: Observation) -> str:
    where = f'graph {seen.config.graph.kind}' if seen.recording is None else f'recording {seen.recording}'
    return f'{where}: {len(seen.topics)} topics, {len(seen.cameras)} cameras, {seen.duration_s:.1f} s'


def _facts(result: Examination) -> Iterator[str]:
    seen, network = result.seen, result.network
    for camera in seen.cameras:
        yield f'  {escape(printable(camera.name))}: {escape(printable(_camera_words(camera, seen)))}'
    if seen.explanation is not None and len(seen.heard) > 1:
        sets, partial = seen.explanation.sets, sum(bool(s.missing) for s in seen.explanation.sets)
        yield f'  matching: policy {seen.explanation.policy}; last {len(sets)} sets, {partial} partial'
        yield f'  {escape(printable(seen.explanation.advice()))}'
    if network.engine:
        words = f'{network.file} on {network.engine}'
        if network.family:
            words += f', family {network.family}, {len(network.class_names)} classes'
        if network.frame_ms:
            words += f', {network.frame_ms:.1f} ms per image'
        yield f'  network: {escape(printable(words))}'
    if network.frame_ms and seen.heard:
        yield (
            f'  streams: {len(seen.heard)} offered ({network.offered_hz(seen):.0f} images/s), about '
            f'{network.expected_streams(seen)} expected within bound_ms {seen.config.bound_ms:g}'
        )


def _camera_words(camera: CameraFacts, seen: Observation) -> str:
    if not camera.images:
        return f'no usable image, {camera.messages} messages on {camera.state.topics.image}'
    size = 'x'.join(map(str, camera.size)) if camera.size else 'unknown size'
    words = [
        f'{size} {camera.encoding}',
        f'{camera.rate_hz:.1f} Hz',
        f'jitter {camera.stream.jitter_ns / 1e6:.1f} ms',
    ]
    phase_ns = _phase_ns(camera, seen)
    if phase_ns is not None:
        words.append(f'phase {phase_ns / 1e6:+.1f} ms')
    latency_ms = _latency_ms(camera)
    if latency_ms is not None and abs(latency_ms) < 1e4:
        words.append(f'arrives after {latency_ms:.1f} ms')
    if (ground := ground_in_view(camera, seen)) is not None:
        words.append(_ground_words(ground))
    return ', '.join(words)


def _ground_words(ground: GroundInView) -> str:
    horizon = 'horizon not in view' if ground.horizon_v is None else f'horizon at row {ground.horizon_v:.0f}'
    if math.isnan(ground.nearest_m):
        return f'{ground.height_m:.2f} m high, sees no ground'
    farthest = 'the horizon' if math.isinf(ground.farthest_m) else f'{ground.farthest_m:.1f} m'
    return (
        f'{ground.height_m:.2f} m high, {horizon}, {ground.share:.0%} of the image is ground in range, from '
        f'{ground.nearest_m:.1f} m to {farthest}'
    )


def _finding(finding: Finding) -> Iterator[str]:
    colour = _COLOURS[finding.severity]
    yield (
        f'[{colour}]{finding.severity}[/] [bold]{escape(printable(finding.subject))}[/]: '
        f'{escape(printable(finding.what))} [dim]({finding.problem})[/]'
    )
    if finding.remedy:
        yield f'    -> {escape(printable(finding.remedy))}'


def _camera_values(camera: CameraFacts, seen: Observation) -> dict[str, Any]:
    topics, size, ground = camera.state.topics, camera.size, ground_in_view(camera, seen)
    phase_ns = _phase_ns(camera, seen)
    return {
        'name': camera.name,
        'topic': topics.image,
        'messages': camera.messages,
        'images': camera.images,
        'refused': camera.state.image_log.refused,
        'refusal': camera.state.image_log.reason or camera.pixel_problem or None,
        'width': size[0] if size else None,
        'height': size[1] if size else None,
        'encoding': camera.encoding or None,
        'frame_id': camera.frame_id,
        'rate_hz': round(camera.rate_hz, 3) or None,
        'jitter_ms': camera.stream.jitter_ns / 1e6,
        'phase_ms': None if phase_ns is None else phase_ns / 1e6,
        'missed': camera.stream.missed,
        'latency_ms': _latency_ms(camera),
        'ground': None
        if ground is None
        else {
            'height_m': round(ground.height_m, 3),
            'share': round(ground.share, 4),
            'nearest_m': _finite(ground.nearest_m),
            'farthest_m': _finite(ground.farthest_m),
            'horizon_row': ground.horizon_v,
        },
    }


def _matching_values(seen: Observation) -> dict[str, Any] | None:
    explanation = seen.explanation
    if explanation is None:
        return None
    return {
        'policy': explanation.policy,
        'slop_ms': None if explanation.slop_ns is None else explanation.slop_ns / 1e6,
        'sets': len(explanation.sets),
        'partial': sum(bool(record.missing) for record in explanation.sets),
        'advice': explanation.advice(),
    }


def _phase_ns(camera: CameraFacts, seen: Observation) -> int | None:
    timings = () if seen.explanation is None else seen.explanation.cameras
    return next((timing.phase_ns for timing in timings if timing.camera == camera.name), None)


def _latency_ms(camera: CameraFacts) -> float | None:
    latencies_ns = sorted(camera.latencies_ns().tolist())
    return float(latencies_ns[len(latencies_ns) // 2]) / 1e6 if latencies_ns else None


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
