"""Rates, missing images, jitter, latency, and how the images of the cameras match."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stream_infer_ros.doctor.findings import Finding, error, note, warning
from stream_infer_ros.doctor.observation import CameraFacts, Observation
from stream_infer_ros.pipeline.health.slop_suggestion import SAME_RATE

FEWEST_IMAGES = 8
# Shares of missing images, of jitter in a period and of partial sets from which they are reported.
MISSING_SHARE, JITTER_SHARE, PARTIAL_SHARE = 0.1, 0.25, 0.1
FEWEST_SETS = 10
# A camera with a lower rate is too slow for a moving robot.
SLOW_HZ = 1.0


def check_timing(seen: Observation) -> Iterator[Finding]:
    """Check rate, loss, jitter and latency of each camera."""
    for camera in seen.heard:
        if camera.images < SLOW_HZ * seen.duration_s and seen.duration_s > 2.0:
            yield warning(
                'rate_low',
                camera.subject,
                f'only {camera.images} images arrived in {seen.duration_s:.1f} s',
                'check the frame rate in the driver, its exposure time, and the bandwidth of USB or network',
            )
        if camera.images >= FEWEST_IMAGES:
            yield from _of_stream(camera)
            if seen.is_live:
                yield from _of_latency(camera, seen)


def _of_stream(camera: CameraFacts) -> Iterator[Finding]:
    stream = camera.stream
    expected = camera.images + stream.missed
    if stream.missed > MISSING_SHARE * expected:
        yield warning(
            'images_missing',
            camera.subject,
            f'{stream.missed} of {expected} images are missing from its regular stamps '
            f'({camera.rate_hz:.1f} Hz)',
            'look for losses in the driver, in USB or on the network; docs/how-to/fast-dds.md shows how the '
            'middleware keeps large images',
        )
    if stream.period_ns and stream.jitter_ns > JITTER_SHARE * stream.period_ns:
        yield warning(
            'jitter',
            camera.subject,
            f'the interval between its stamps varies by {stream.jitter_ns / 1e6:.0f} ms around '
            f'{stream.period_ns / 1e6:.0f} ms',
            'let the driver stamp the time of exposure instead of the time of receipt, and fix the '
            'exposure time',
        )


def _of_latency(camera: CameraFacts, seen: Observation) -> Iterator[Finding]:
    if not len(camera.latencies_ns()):
        return
    latency_ms = float(np.median(camera.latencies_ns())) / 1e6
    bound_ms = seen.config.bound_ms
    if bound_ms <= latency_ms < 5000.0:
        yield error(
            'latency_over_bound',
            camera.subject,
            f'half of its images arrive more than {latency_ms:.0f} ms after their stamps, and bound_ms is '
            f'{bound_ms:g}: no result can be in time',
            'find the delay in the driver or the network (compressed images need less time), or raise '
            'bound_ms',
        )
    elif latency_ms > bound_ms / 2:
        yield warning(
            'latency_high',
            camera.subject,
            f'its images arrive {latency_ms:.0f} ms after their stamps, which leaves less than half of '
            f'bound_ms ({bound_ms:g})',
            'find the delay in the driver or the network (compressed images need less time), or raise '
            'bound_ms',
        )


def check_matching(seen: Observation) -> Iterator[Finding]:
    """Check that the images of the cameras form complete sets with the settings in use."""
    explanation = seen.explanation
    if explanation is None or len(seen.heard) < 2 or explanation.policy == 'none':
        return
    rates = [camera.rate_hz for camera in seen.heard if camera.rate_hz]
    if rates and max(rates) > min(rates) * (1 + SAME_RATE):
        listed = ', '.join(
            f'{camera.name} {camera.rate_hz:.1f} Hz' for camera in seen.heard if camera.rate_hz
        )
        yield note(
            'rates_differ',
            'cameras',
            f'the cameras have different rates: {listed}; sets at the fast rate lack the slow ones',
            'use one rate, or sync.policy none if the cameras need not be matched',
        )
    partial = [record for record in explanation.sets if record.missing]
    heard = {camera.name for camera in seen.heard}
    partial = [record for record in partial if heard & set(record.missing)]
    if len(explanation.sets) >= FEWEST_SETS and len(partial) > PARTIAL_SHARE * len(explanation.sets):
        why = '; '.join(
            f'{camera}: {words}'
            for camera, words in (explanation.partial.missing.items() if explanation.partial else ())
            if camera in heard
        )
        yield warning(
            'sets_partial',
            'matching',
            f'{len(partial)} of the last {len(explanation.sets)} sets lack a camera; the last one '
            f'lacked {why}',
            explanation.advice(),
        )
    elif not explanation.sets and seen.duration_s > 2.0:
        yield error(
            'no_sets',
            'matching',
            f'the images of {len(seen.heard)} cameras never formed a set with policy {explanation.policy}',
            f'{explanation.advice()}; sync.policy deadline also publishes sets that lack a camera',
        )
