"""The examples of docs/how-to/triton.md are consistent."""

from pathlib import Path

import yaml

from stream_infer_ros.config.yaml_file import load_config
from stream_infer_ros.inference.engines.kserve.endpoint import parse_endpoint

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples' / 'scale_out'


def test_the_node_is_served_by_the_servers_of_the_composition():
    kserve = load_config(EXAMPLES / 'node.yaml').engine.kserve
    services = yaml.safe_load((EXAMPLES / 'compose.yaml').read_text())['services']
    published = {int(service['ports'][0].split(':')[1]) for service in services.values()}
    endpoints = [parse_endpoint(text) for text in kserve.endpoints]
    assert {endpoint.port for endpoint in endpoints} == published
    assert kserve.fallback == 'auto'
    assert {service['ipc'] for service in services.values()} == {'host'}


def test_the_pods_have_the_ports_the_endpoints_name():
    service, pods = yaml.safe_load_all((EXAMPLES / 'kubernetes.yaml').read_text())
    ports = {port['port'] for port in service['spec']['ports']}
    container = pods['spec']['template']['spec']['containers'][0]
    assert ports == {port['containerPort'] for port in container['ports']} == {8000, 8001}
    assert pods['spec']['serviceName'] == service['metadata']['name'] == 'triton'
