"""Type hashes as ROS 2 announces them, and the definitions that they are computed from."""

import pytest
from message_samples import CODECS, WRITTEN
from rosbags.typesys import Stores, get_typestore

from stream_infer_ros.errors import MessageError
from stream_infer_ros.messages.typestore import DEFINITIONS, type_hash, typestore

# Computed by ROS 2's own rosidl_generator_type_description from the .msg files of common_interfaces,
# rcl_interfaces, geometry2, rmw_dds_common (rolling), vision_msgs 4.1.1, map_msgs 2.4.0 and bond 4.1. All but
# Detection2DArray, LabelInfo and bond's Status were also found in public sources: in the output of
# `ros2 topic info --verbose` on live systems, or in other implementations that exchange messages with them.
ANNOUNCED = {
    'std_msgs/msg/String': 'df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18',
    'std_msgs/msg/Header': 'f49fb3ae2cf070f793645ff749683ac6b06203e41c891e17701b1cb597ce6a01',
    'sensor_msgs/msg/Image': 'd31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47',
    'sensor_msgs/msg/CompressedImage': '15640771531571185e2efc8a100baf923961a4d15d5569652e6cb6691e8e371a',
    'sensor_msgs/msg/CameraInfo': 'b3dfd68ff46c9d56c80fd3bd4ed22c7a4ddce8c8348f2f59c299e73118e7e275',
    'sensor_msgs/msg/LaserScan': '64c191398013af96509d518dac71d5164f9382553fce5c1f8cca5be7924bd828',
    'tf2_msgs/msg/TFMessage': 'e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087',
    'rosgraph_msgs/msg/Clock': '692f7a66e93a3c83e71765d033b60349ba68023a8c689a79e48078bcb5c58564',
    'nav_msgs/msg/OccupancyGrid': '8d348150c12913a31ee0ec170fbf25089e4745d17035792a1ba94d6f0bc0cfc7',
    'map_msgs/msg/OccupancyGridUpdate': 'c4095b0be2e4363f8978a1570e0293ee093436f1e1c61d99b48502ac317025e8',
    'visualization_msgs/msg/MarkerArray': '86cb8800b6fb05b5eff1abd7a56f62a5641d3ae9a1c29e78e67e704f1d067dcf',
    'diagnostic_msgs/msg/DiagnosticArray': '5a8a36efb05fb25070fa0fb3810290c0e6cd4862b54a8fb975a1ee8dc55a333e',
    'vision_msgs/msg/Detection2DArray': '214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968',
    'vision_msgs/msg/Detection3DArray': '793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018',
    'vision_msgs/msg/LabelInfo': '3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783',
    'bond/msg/Status': '87eaccffa254ffffadc0b61600452e8251740f06c25659a2dbda4927fdb1f70a',
    # has a char, which rosidl hashes as uint8
    'rmw_dds_common/msg/ParticipantEntitiesInfo': (
        '91a0593bacdcc50ea9bdcf849a938b128412cc1ea821245c663bcd26f83c295e'
    ),
}
SPOKEN = [*(codec.type_name for codec in CODECS), *WRITTEN]


@pytest.mark.parametrize('type_name', ANNOUNCED)
def test_hashes_are_those_that_ros_announces(type_name):
    assert type_hash(type_name) == f'RIHS01_{ANNOUNCED[type_name]}'
    assert typestore().hash_rihs01(type_name) == type_hash(type_name)


def test_every_type_we_speak_is_pinned():
    assert set(SPOKEN) <= set(ANNOUNCED)


@pytest.mark.parametrize('distribution', ['HUMBLE', 'IRON', 'JAZZY', 'KILTED'])
def test_the_types_we_speak_are_the_same_in_every_distribution(distribution):
    store = get_typestore(Stores[f'ROS2_{distribution}'])
    for type_name in SPOKEN:
        if type_name not in DEFINITIONS:
            assert store.hash_rihs01(type_name) == type_hash(type_name)


def test_there_is_one_store():
    assert typestore() is typestore()


@pytest.mark.parametrize('name', ['std_msgs/String', 'sensor_msgs.msg.Image', '', 'my_msgs/msg/Mine'])
def test_an_unknown_type_is_refused_by_name(name):
    with pytest.raises(MessageError, match="written 'package/msg/Type'"):
        type_hash(name)
