"""What is published on the graph, as a node sees it."""

from __future__ import annotations

from rclpy.node import Node

from stream_infer_ros.graph import TopicInfo


def found_topics(node: Node) -> list[TopicInfo]:
    """Topics with at least one publisher, sorted by name; before a node has a `Graph` on it."""
    return sorted(
        (
            TopicInfo(name, type_name)
            for name, types in node.get_topic_names_and_types()
            for type_name in types
            if node.count_publishers(name)
        ),
        key=lambda topic: (topic.name, topic.type_name),
    )
