"""Send back what comes, over our own DDS participant: a program for processes without ROS.

    python dds_echo.py '{"image": ["sensor_msgs/msg/Image", {"reliability": "best_available"}]}'

What comes on `/to_us/image` goes out on `/from_us/image`, with the same QoS. The program subscribes when
somebody listens to all that is not latched, so that nothing is sent before. It ends with standard input.
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
