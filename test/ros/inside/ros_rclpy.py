"""The rclpy found here starts a node on the domain the test was given."""

import os

import rclpy
from rclpy.context import Context


def test_a_node_comes_up_on_the_domain_of_the_test():
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node('alone', context=context)
    try:
        assert context.get_domain_id() == int(os.environ['ROS_DOMAIN_ID'])
        assert ('alone', '/') in node.get_node_names_and_namespaces()
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
