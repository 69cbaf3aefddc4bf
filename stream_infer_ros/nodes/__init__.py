"""The nodes on rclpy: parameters, lifecycle, services. No arithmetic.

Nothing is imported here: each node is an executable of its own, and without a ROS 2 none can be imported.
"""
