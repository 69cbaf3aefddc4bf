"""The topics of transforms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph.graph import TopicInfo

TF_MESSAGE = 'tf2_msgs/msg/TFMessage'


class TransformTopics(NamedTuple):
    """Absolute names: /tf and /tf_static, unless the robot keeps its transforms in a namespace."""

    dynamic: str
    static: str

    @classmethod
    def of(cls, config: GraphConfig, found: Callable[[], Sequence[TopicInfo]]) -> TransformTopics:
        """Return the topics that `graph.tf_namespace` selects.

        If it is empty, the namespace of the node is used if only this namespace has transforms. Transforms of
        other namespaces are never used, because the frames of another robot may have the same names.

        Args:
            found: returns the topics that are known now.
        """
        own = config.namespace.rstrip('/')
        if config.tf_namespace or not own:
            return cls.within(config.tf_namespace)
        published = {topic.name for topic in found() if topic.type_name == TF_MESSAGE}
        is_own = published.isdisjoint(cls.within('/')) and not published.isdisjoint(cls.within(own))
        return cls.within(own if is_own else '/')

    @classmethod
    def within(cls, namespace: str) -> TransformTopics:
        """Return the topics of a namespace such as '/robot1' or '/'."""
        outer = namespace.rstrip('/')
        return cls(f'{outer}/tf', f'{outer}/tf_static')


def namespaces_of_transforms(found: Sequence[TopicInfo], but_not: Collection[str], own: str) -> list[str]:
    """Return the namespaces of transforms on the graph: ['/robot1'] for /robot1/tf.

    They are sorted, but `own`, the namespace of the node, comes first.

    Args:
        but_not: topics to leave out.
    """
    names = {topic.name for topic in found if topic.type_name == TF_MESSAGE} - set(but_not)
    spaces = {name.rpartition('/')[0] for name in names if name.endswith(('/tf', '/tf_static'))}
    return sorted((space or '/' for space in spaces), key=lambda space: (space != own, space))
