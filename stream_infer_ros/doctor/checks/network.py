"""The network and its engine: found, understood, and fast enough for the cameras."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stream_infer_ros.doctor.findings import Finding, error, note, split_remedy, warning
from stream_infer_ros.doctor.network_facts import NetworkFacts
from stream_infer_ros.doctor.observation import Observation

# Share of the engine's time above which little is left for the rest of the pipeline.
HIGH_LOAD = 0.8


def check_network(seen: Observation, network: NetworkFacts) -> Iterator[Finding]:
    """Check the model file, the engine and the class names."""
    subject = f'model {Path(network.file).name}'
    if network.problem:
        what, remedy = split_remedy(network.problem, 'run `stream_infer check-model` on the file')
        yield error(network.problem_kind, subject, what, remedy)
        return
    if network.unnamed:
        what, _, remedy = network.unnamed.partition('; ')
        yield warning('class_names', subject, what, remedy)
    if network.invalid:
        yield warning(
            'network_values',
            subject,
            f'{network.invalid} boxes have a score above 1 or values that are not finite: the family '
            f'{network.family} may be wrong, or the file damaged',
            'set model.family, and check the file with `stream_infer check-model`',
        )


def check_speed(seen: Observation, network: NetworkFacts) -> Iterator[Finding]:
    """Compare the streams that the engine can serve with those that are offered."""
    if network.problem or not network.frame_ms or not seen.heard:
        return
    load = network.load(seen)
    if load > HIGH_LOAD:
        yield (warning if load > 1.0 else note)(
            'engine_slow',
            f'engine {network.engine}',
            f'the cameras offer {network.offered_hz(seen):.0f} images per second, and the network takes '
            f'{network.frame_ms:.1f} ms for one: {load:.0%} of the time of the engine, without '
            'anything else',
            'use a lower rate, fewer cameras, a smaller network or a GPU; `stream_infer find-streams` '
            'measures '
            'how many streams this machine holds',
        )
    expected = network.expected_streams(seen)
    if seen.config.sync.policy != 'none' and expected < len(seen.heard):
        yield warning(
            'bound_tight',
            f'engine {network.engine}',
            f'a set of {len(seen.heard)} images takes {network.frame_ms * len(seen.heard):.0f} ms in '
            'the network '
            f'alone, and bound_ms ({seen.config.bound_ms:g}) leaves room for {expected}',
            'raise bound_ms, use fewer cameras, a smaller network or a GPU, or sync.policy none',
        )
