"""Conversion between serialised ROS 2 messages (CDR) and the values of this package.

Each message type has a module with `encode_x(...)` for messages that this package sends, and `decode_x(cdr)`
for messages that it receives. This file imports nothing, so that `graph/` can use the typestore without
loading the rest.
"""
