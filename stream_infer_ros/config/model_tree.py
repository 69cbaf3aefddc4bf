"""Settings of the network."""

from __future__ import annotations

from pydantic import ConfigDict, Field, field_validator

from stream_infer_ros.config.model_families import ModelFamily
from stream_infer_ros.config.section import LIVE, Section


class ModelConfig(Section):
    """The network."""

    # A class may be given by its number.
    model_config = ConfigDict(coerce_numbers_to_str=True)

    file: str = Field(
        '', description='Model file, usually ONNX. If empty, the surround model of this package is used.'
    )
    card: str = Field(
        '',
        description='Model card: a name from config/models, or a YAML file. If empty, the metadata of the '
        'model file is used.',
    )
    family: ModelFamily = Field(
        'auto',
        description='Model family, which selects the decoder. With auto, it is found from the ONNX '
        'metadata and the output shapes.',
    )
    class_names_file: str = Field(
        '', description='Text file with one class name per line, for models without class names.'
    )
    score_threshold: float = Field(
        0.3, ge=0.0, le=1.0, description='Boxes with a lower score are not published.', json_schema_extra=LIVE
    )
    nms_iou: float = Field(
        0.55,
        gt=0.0,
        le=1.0,
        description='If the intersection over union of two boxes is larger than this, the box with the '
        'lower score is removed.',
        json_schema_extra=LIVE,
    )
    classes: tuple[str, ...] = Field(
        (),
        description='Classes that are published, by name or class_id, e.g. [person, car]. Boxes of other '
        "classes are left out. If empty ([] or ['']), all classes are published.",
        json_schema_extra=LIVE,
    )
    class_thresholds: tuple[str, ...] = Field(
        (),
        description='Score thresholds of single classes as name:score, e.g. ["person:0.4", "car:0.6"]. For '
        'all other classes, score_threshold is used.',
        json_schema_extra=LIVE,
    )

    @field_validator('classes', 'class_thresholds')
    @classmethod
    def _without_empty(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        # `ros2 param set` cannot send an empty list of strings, but it can send [''].
        return tuple(text.strip() for text in texts if text.strip())

    @field_validator('class_thresholds')
    @classmethod
    def _are_thresholds(cls, thresholds: tuple[str, ...]) -> tuple[str, ...]:
        for threshold in thresholds:
            split_threshold(threshold)
        return thresholds


def split_threshold(text: str) -> tuple[str, float]:
    """Return the class and the score of a threshold such as 'person:0.4'.

    Raises ValueError if it has another form, or if the score is not in 0..1.
    """
    name, _, number = text.rpartition(':')
    try:
        score = float(number)
    except ValueError:
        score = -1.0
    if not name.strip() or not 0.0 <= score <= 1.0:
        raise ValueError(f'expected a class and a score from 0 to 1, e.g. person:0.4, not {text!r}')
    return name.strip(), score
