"""Send received messages back through our own DDS participant, in a process without ROS.

    python dds_echo.py '{"image": ["sensor_msgs/msg/Image", {"reliability": "best_available"}]}'

Messages on `/to_us/image` are published on `/from_us/image`, with the same QoS. The program subscribes only
once all its topics that are not latched have subscribers, so that nothing is sent before. It ends when its
standard input is closed.
"""

import json
import sys
import threading

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import Qos, make_graph


def main() -> None:
    graph = make_graph(GraphConfig(kind='dds', loopback=True, node_name='echo'))
    topics = {name: (type_name, Qos(**qos)) for name, (type_name, qos) in json.loads(sys.argv[1]).items()}
    publishers = {
        name: graph.advertise(f'/from_us/{name}', type_name, Qos('reliable', qos.durability, qos.depth))
        for name, (type_name, qos) in topics.items()
    }
    waiting = [publishers[name] for name, (_, qos) in topics.items() if qos.durability == 'volatile']
    tick = threading.Event()
    while not all(publisher.subscribers() for publisher in waiting):
        tick.wait(0.01)
    for name, (type_name, qos) in topics.items():
        publish = publishers[name].publish
        graph.subscribe(
            f'/to_us/{name}', type_name, qos, lambda cdr, _received_ns, publish=publish: publish(cdr)
        )
    sys.stdin.read()
    graph.close()


if __name__ == '__main__':
    main()
