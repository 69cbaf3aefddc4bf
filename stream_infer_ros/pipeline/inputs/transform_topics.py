"""The topics of transforms."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph.graph import TopicInfo

TF_MESSAGE = 'tf2_msgs/msg/TFMessage'


class TransformTopics(NamedTuple):
    """Absolute names: /tf and /tf_static, unless the robot keeps its transforms in a namespace."""

    dynamic: str
    static: str

    @classmethod
    def of(cls, config: GraphConfig) -> TransformTopics:
        namespace = config.tf_namespace.rstrip('/')
        return cls(f'{namespace}/tf', f'{namespace}/tf_static')


def namespaces_of_transforms(found: Sequence[TopicInfo], but_not: Collection[str]) -> list[str]:
    """Return, sorted, the namespaces of transforms on the graph: ['/robot1'] for /robot1/tf.

    Args:
        but_not: topics to leave out.
    """
    names = {topic.name for topic in found if topic.type_name == TF_MESSAGE} - set(but_not)
    spaces = {name.rpartition('/')[0] for name in names if name.endswith(('/tf', '/tf_static'))}
    return sorted(space or '/' for space in spaces)
