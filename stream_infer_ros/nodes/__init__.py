"""The nodes on rclpy: parameters, lifecycle, services. No arithmetic.

Nothing is imported here: each node is a separate executable, and without ROS 2 none can be imported.
"""
