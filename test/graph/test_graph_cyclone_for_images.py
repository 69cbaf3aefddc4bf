"""Cyclone's settings for images in a process whose participant rmw_cyclonedds opens."""

from xml.etree import ElementTree

from stream_infer_ros.graph.cyclone_for_images import uri_for_images


def texts(uri):
    document = ElementTree.fromstring(uri.split(',')[0])
    return {element.tag: element.text for element in document.iter() if element.text}


def test_images_travel_in_few_datagrams_and_discovery_is_left_alone():
    uri = uri_for_images({})
    assert texts(uri) == {'MaxMessageSize': '65500B', 'FragmentSize': '65000B', 'WhcHigh': '8MB'}
    assert 'Discovery' not in uri


def test_what_is_lost_on_this_machine_is_asked_for_quickly():
    for environ in ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, {'ROS_LOCALHOST_ONLY': '1'}):
        assert texts(uri_for_images(environ))['NackDelay'] == '5ms'


def test_the_users_settings_come_last_and_so_win():
    assert uri_for_images({'CYCLONEDDS_URI': 'file:///mine.xml'}).endswith('</CycloneDDS>,file:///mine.xml')
