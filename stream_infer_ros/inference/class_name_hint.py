"""The message about classes without names, and the shipped cards that fit."""

from __future__ import annotations

from stream_infer_ros.inference.card_file import read_card, shipped_cards
from stream_infer_ros.inference.decoders import Decoder


def fitting_cards(decoder: Decoder) -> list[str]:
    """Return the names of the shipped cards that fit the family, number of classes and size of a network."""
    size = (decoder.network_height, decoder.network_width)
    cards = {name: read_card(name) for name in shipped_cards()}
    return [
        name
        for name, card in cards.items()
        if card.family == decoder.card.family
        and len(card.class_names or ()) == len(decoder.class_names)
        and card.input_size in (None, size)
        and not (decoder.strides and card.strides and card.strides != decoder.strides)
    ]


def unnamed_classes(decoder: Decoder, file: str) -> str:
    """Say that the classes are published under numbers, and how to name them; empty if they have names."""
    names = decoder.class_names
    made_up = tuple(f'class{class_id}' for class_id in range(len(names)))
    if not (decoder.gives_boxes and names == made_up) or decoder.card.class_names:
        return ''
    cards = fitting_cards(decoder)
    fits = (
        f'set model.card (--card) to {" or ".join(cards)} if it was trained on COCO; otherwise '
        if cards
        else ''
    )
    shown = ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')
    return (
        f'nothing says what the {len(names)} classes of {file} are called: they are published as {shown}; '
        f'{fits}set model.class_names_file (--class-names) to a file with one name per line, in order of '
        f'class_id'
    )
