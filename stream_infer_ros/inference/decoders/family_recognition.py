"""Finding the family of a network that nobody names, by its outputs, its metadata and its class names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.model_metadata import class_names
from stream_infer_ros.inference.network_io import EngineIo

# COCO's: the most probable number of classes, if nothing else is known about them.
_USUAL_CLASSES = 80
# The end of messages about networks that no family fits.
ADD_A_FAMILY = (
    'another package can add a family with the entry point group stream_infer_ros.decoders, see '
    'docs/how-to/add-a-model-family.md'
)
_WITHOUT_BOXES = {'obb': 'rotated boxes', 'classify': 'one class for a whole picture'}


def recognise_family(
    decoders: Mapping[str, Sequence[type[Decoder]]], io: EngineIo, names: Sequence[str]
) -> type[Decoder]:
    """Return the only decoder whose family fits a network.

    The shapes of the outputs come first. If several families fit, those that are certain are preferred, then
    those whose outputs have as many classes as there are names. `names` are the class names that the user
    sets; without them, those in the metadata count.

    Raises ModelError if no family fits, or if several do.
    """
    if (task := io.metadata.get('task', '')) in _WITHOUT_BOXES:
        raise ModelError(
            f'expected a network that finds boxes, got one with task {task!r} in its metadata, that is '
            f'{_WITHOUT_BOXES[task]}; export a detection network'
        )
    if names:
        io = replace(io, metadata={**io.metadata, 'class_names': json.dumps(list(names))})
    candidates = [each for family in decoders.values() for each in family if each.recognises(io)]
    if not candidates:
        raise ModelError(
            f'which family does this network belong to? Its outputs are {io.describe_outputs()}, and none of '
            f'{", ".join(decoders)} has such outputs. If it belongs to one of them, set model.family to see '
            f'what is missing, and export it again; otherwise {ADD_A_FAMILY}'
        )
    counts = {each: each.class_count(io) for each in candidates}
    known = len(class_names(io.metadata))
    candidates = _prefer(candidates, [each for each in candidates if each.is_certain(io)])
    if known:
        candidates = _prefer(candidates, [each for each in candidates if counts[each] in (known, None)])
        candidates = _prefer(candidates, [each for each in candidates if counts[each] == known])
    else:
        candidates = _prefer(candidates, [each for each in candidates if counts[each] == _USUAL_CLASSES])
    if len({each.default_card.family for each in candidates}) == 1:
        return candidates[0]
    fits = ' or '.join(_with_classes(each, counts[each]) for each in candidates)
    reason = f'the {known} class names do not decide it' if known else 'nothing else decides it'
    raise ModelError(
        f'is this network {fits}? Its outputs {io.describe_outputs()} fit each of them, and {reason}. '
        f'{_describe_layouts(candidates)}{_describe_pixels(candidates)}Set model.family, or model.card, or '
        f'the right class names in model.class_names_file'
    )


def _prefer(candidates: list[type[Decoder]], better: list[type[Decoder]]) -> list[type[Decoder]]:
    """Return the better candidates, or all of them if none is better."""
    return better or candidates


def _with_classes(decoder: type[Decoder], count: int | None) -> str:
    family = decoder.default_card.family
    return family if count is None else f'{family} with {count} {"class" if count == 1 else "classes"}'


def _describe_layouts(decoders: Iterable[type[Decoder]]) -> str:
    """Describe how each family reads the outputs, if they differ in it."""
    layouts = {each.default_card.family: each.output_layout for each in decoders}
    if len(set(layouts.values())) == 1:
        return ''
    return f'{"; ".join(f"{family} has {layout}" for family, layout in layouts.items())}. '


def _describe_pixels(decoders: Iterable[type[Decoder]]) -> str:
    """Describe the pixels that each family expects, if they differ: this can be the only difference."""
    expected = {each.default_card.family: each.default_card.normalisation for each in decoders}
    if len(set(expected.values())) == 1:
        return ''
    parts = []
    for family, normalisation in expected.items():
        pixels = '0..255' if normalisation.scale == 1.0 else '0..1'
        suffix = ' minus mean, divided by std' if any(normalisation.mean) else ''
        parts.append(f'{family} expects pixels {pixels}{suffix}')
    return f'{", ".join(parts)}. '
