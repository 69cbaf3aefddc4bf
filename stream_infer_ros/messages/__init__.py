"""ROS 2 messages: the wire format on one side, values of this package on the other.

One module per message type, each with `decode_x(cdr)` and `encode_x(...)`. Nothing is gathered here, so that
`graph/`, which needs the typestore only, does not load the rest.
"""
