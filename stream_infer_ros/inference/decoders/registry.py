"""The known model families, and finding the one that a network belongs to."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.config.model_families import decoder_entry_points
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.card_file import CardFile
from stream_infer_ros.inference.decoders.boxes_by_cell import BoxesByCellDecoder
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.detr import DetrDecoder
from stream_infer_ros.inference.decoders.family_recognition import ADD_A_FAMILY, recognise_family
from stream_infer_ros.inference.decoders.fastestdet import FastestDetDecoder
from stream_infer_ros.inference.decoders.nanodet import (
    NanoDetByStrideDecoder,
    NanoDetDecoder,
    NanoDetPlusByStrideDecoder,
    NanoDetPlusDecoder,
)
from stream_infer_ros.inference.decoders.nms_in_graph import (
    EfficientNmsDecoder,
    MmdeployDecoder,
    NmsRowsDecoder,
    PaddleNmsDecoder,
)
from stream_infer_ros.inference.decoders.picodet import PicoDetDecoder, PicoDetMergedDecoder
from stream_infer_ros.inference.decoders.rfdetr import RfDetrDecoder
from stream_infer_ros.inference.decoders.rtdetr import (
    RtDetrDecoder,
    RtDetrPostprocessedDecoder,
    RtDetrUltralyticsDecoder,
)
from stream_infer_ros.inference.decoders.scrfd import ScrfdDecoder
from stream_infer_ros.inference.decoders.segmentation import SegmentationDecoder
from stream_infer_ros.inference.decoders.ssd import TensorflowDecoder, TorchvisionDecoder
from stream_infer_ros.inference.decoders.surround import SurroundDecoder
from stream_infer_ros.inference.decoders.ultraface import UltraFaceDecoder
from stream_infer_ros.inference.decoders.yolo_end_to_end import YoloEndToEndDecoder
from stream_infer_ros.inference.decoders.yolo_fastest import YoloFastestV2Decoder
from stream_infer_ros.inference.decoders.yolov5 import Yolov5Decoder
from stream_infer_ros.inference.decoders.yolov5_raw import Yolov5RawDecoder
from stream_infer_ros.inference.decoders.yolov8 import Yolov8Decoder
from stream_infer_ros.inference.decoders.yolox import YoloxDecoder
from stream_infer_ros.inference.input_packing import AS_THEY_ARE
from stream_infer_ros.inference.model_card import ModelCard, merged_card, user_card
from stream_infer_ros.inference.network_io import EngineIo

BUILT_IN: tuple[type[Decoder], ...] = (
    SurroundDecoder,
    YoloxDecoder,
    Yolov5Decoder,
    Yolov5RawDecoder,
    Yolov8Decoder,
    YoloEndToEndDecoder,
    DetrDecoder,
    RtDetrDecoder,
    RtDetrPostprocessedDecoder,
    RtDetrUltralyticsDecoder,
    RfDetrDecoder,
    NanoDetPlusDecoder,
    NanoDetDecoder,
    NanoDetByStrideDecoder,
    NanoDetPlusByStrideDecoder,
    PicoDetDecoder,
    PicoDetMergedDecoder,
    BoxesByCellDecoder,
    FastestDetDecoder,
    YoloFastestV2Decoder,
    UltraFaceDecoder,
    ScrfdDecoder,
    TorchvisionDecoder,
    TensorflowDecoder,
    EfficientNmsDecoder,
    NmsRowsDecoder,
    MmdeployDecoder,
    PaddleNmsDecoder,
    SegmentationDecoder,
)


@cache
def decoders() -> dict[str, tuple[type[Decoder], ...]]:
    """Return the decoders of each family: the built-in ones, and those of installed packages.

    Raises ModelError if a decoder of an installed package cannot be loaded, or uses the name of a family that
    exists already.
    """
    found: dict[str, tuple[type[Decoder], ...]] = {}
    for decoder in BUILT_IN:
        family = decoder.default_card.family
        found[family] = (*found.get(family, ()), decoder)
    for entry_point in decoder_entry_points():
        if entry_point.name in found:
            raise ModelError(
                f'the family {entry_point.name!r} of {_describe(entry_point)} exists already; '
                f'rename the entry point, or uninstall the package'
            )
        found[entry_point.name] = (_load(entry_point),)
    return found


def make_decoder(config: ModelConfig, io: EngineIo) -> Decoder:
    """Return the decoder of a network.

    Raises ModelError if no family is found or the outputs do not fit it, and ConfigError for a bad model card
    or bad class names.
    """
    user = user_card(config)
    decoder = _find(user, io)
    return decoder(config, io, _card(user, io, decoder))


def network_card(config: ModelConfig, io: EngineIo) -> ModelCard:
    """Return the card of a network: what the user sets, else its metadata, else the default of its family.

    Raises ModelError and ConfigError as `make_decoder` does.
    """
    user = user_card(config)
    return _card(user, io, _find(user, io))


def _card(user: CardFile, io: EngineIo, decoder: type[Decoder]) -> ModelCard:
    default = decoder.default_card
    if any(tensor.dtype == 'uint8' for tensor in io.inputs):
        # A network of whole pixels normalises them itself.
        default = replace(default, normalisation=AS_THEY_ARE)
    return merged_card(user, io.metadata, default)


def _find(user: CardFile, io: EngineIo) -> type[Decoder]:
    """Return the decoder for the family that the user sets, or the metadata name, or the outputs show."""
    is_set = user.family not in (None, 'auto')
    family = user.family if is_set else io.metadata.get('family', '')
    if not family:
        return recognise_family(decoders(), io, user.class_names or ())
    source = 'model.family or the card' if is_set else "the network's metadata"
    if family not in decoders():
        raise ModelError(
            f'expected a known family in {source}, got {family!r}; known families: {", ".join(decoders())}. '
            f'Set model.family to the one with the same outputs; if there is none, {ADD_A_FAMILY}'
        )
    for decoder in decoders()[family]:
        if decoder.recognises(io):
            return decoder
    expected = '; or '.join(decoder.output_layout for decoder in decoders()[family])
    raise ModelError(
        f'expected outputs of family {family}, as {source} says: {expected}; '
        f'got {io.describe_outputs()}. Export the network again, or set model.family to another one'
    )


def _load(entry_point: EntryPoint) -> type[Decoder]:
    try:
        decoder = entry_point.load()
    except Exception as error:
        raise ModelError(
            f'cannot load {_describe(entry_point)}: {type(error).__name__}: {error}; '
            f'correct or uninstall the package'
        ) from error
    if not (isinstance(decoder, type) and issubclass(decoder, Decoder)):
        raise ModelError(
            f'expected a subclass of Decoder in {_describe(entry_point)}, got {decoder!r}; '
            f'correct or uninstall the package'
        )
    if decoder.default_card.family != entry_point.name:
        raise ModelError(
            f'expected the family {entry_point.name!r}, the name of the entry point, in the default_card of '
            f'{_describe(entry_point)}, got {decoder.default_card.family!r}; correct the package'
        )
    return decoder


def _describe(entry_point: EntryPoint) -> str:
    package = entry_point.dist.name if entry_point.dist else 'an unknown package'
    return f'decoder {entry_point.value} of {package}'
