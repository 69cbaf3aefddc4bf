"""Build a ROS 2 prefix from PyPI wheels, to test the nodes on a machine without ROS.

    python -m tools.ros_prefix jazzy kilted

PyPI has wheels of rclpy, Fast DDS, the common interfaces and the rosidl generators, for Jazzy and for Kilted.
It does not have vision_msgs, tf2_msgs and map_msgs. Their code is generated here from the definitions in
`stream_infer_ros.messages`, and compiled. This needs Linux on x86-64, CPython 3.10 to 3.13, a C and a C++
compiler and the headers of Python. It does not need ROS, ament or CMake.

A prefix is used like /opt/ros/<distribution>: `source .venv/ros/jazzy/setup.bash`, then run nodes and tests
with the Python of `.venv`. It contains no launch, ros2 command line, message_filters, cv_bridge or rviz.
"""
