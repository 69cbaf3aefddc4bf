"""config/stream_infer.rviz shows topics that are published, as what they are, with QoS that match."""

from pathlib import Path

import pytest
import yaml

from stream_infer_ros.config import load_config
from stream_infer_ros.graph import MemoryGraph
from stream_infer_ros.pipeline.outputs import Outputs

ROOT = Path(__file__).resolve().parents[2]
SHOWS = {
    'rviz_default_plugins/Map': 'nav_msgs/msg/OccupancyGrid',
    'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray',
    'rviz_default_plugins/LaserScan': 'sensor_msgs/msg/LaserScan',
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
}


class ListingGraph(MemoryGraph):
    """Remembers what was advertised."""

    def __init__(self):
        super().__init__()
        self.advertised = {}

    def advertise(self, topic, type_name, qos):
        self.advertised[topic] = (type_name, qos)
        return super().advertise(topic, type_name, qos)


@pytest.fixture(scope='module')
def advertised():
    config = load_config(ROOT / 'config' / 'six_cameras.yaml')
    graph = ListingGraph()
    Outputs(graph, config, config.cameras, ['car'], now_ns=0)
    graph.close()
    return graph.advertised


def displays(entries):
    for display in entries:
        yield from displays(display.get('Displays', []))
        yield display


@pytest.fixture(scope='module')
def shown():
    document = yaml.safe_load((ROOT / 'config' / 'stream_infer.rviz').read_text())
    return [d for d in displays(document['Visualization Manager']['Displays']) if 'Topic' in d]


def test_every_display_has_a_publisher_it_can_hear(shown, advertised):
    for display in shown:
        topic = display['Topic']
        type_name, qos = advertised[topic['Value']]
        assert SHOWS[display['Class']] == type_name, display['Name']
        if topic['Reliability Policy'] == 'Reliable':
            assert qos.reliability == 'reliable', display['Name']
        # Only a latched subscription gets the map that was published before rviz started.
        latched = topic['Durability Policy'] == 'Transient Local'
        assert latched == (qos.durability == 'transient_local'), display['Name']


def test_map_objects_scans_and_overlays_are_all_there(shown, advertised):
    topics = {display['Topic']['Value'] for display in shown}
    wanted = {topic for topic, (type_name, _) in advertised.items() if type_name in SHOWS.values()}
    assert topics == wanted
