"""A configuration tree as the parameters of a node, declared once and read back into the tree."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from stream_infer_ros.config import Section, parse_section
from stream_infer_ros.config.reference import Setting, settings
from stream_infer_ros.errors import ConfigError, StreamInferError
from stream_infer_ros.graph.ros.rclpy_internals import parameter_overrides

Tree = TypeVar('Tree', bound=Section)

TYPES = {
    'bool': Parameter.Type.BOOL,
    'integer': Parameter.Type.INTEGER,
    'double': Parameter.Type.DOUBLE,
    'string': Parameter.Type.STRING,
    'string array': Parameter.Type.STRING_ARRAY,
}
LARGEST_INTEGER = 2**63 - 1
PER_CAMERA = 'camera.<name>.'


class TreeParameters(Generic[Tree]):
    """The tree `section` on a node, under the dotted names of the YAML (`sync.slop_ms`).

    All settings except the live ones are read-only. Numbers are accepted with or without a decimal point. A
    wrong value at start raises no error: `config` is None and `problem` gives the reason, until a live value
    is corrected. A wrong value that is set later is refused with the reason.

    Args:
        node: where to declare them.
        section: the tree, made of other sections and leaves.
        without: branches that are not declared ('graph': ROS itself names a node).
        on_change: called with the new tree, on the executor's thread, before a live value is stored. If it
            raises an error of this package, the value is refused.

    Attributes:
        config: the tree as of now; None while it is not valid.
        problem: why the tree is not valid; empty while it is.
        unknown: parameters of the node that are not settings, with the closest setting ('' if there is
            none); each is logged as a warning.
    """

    def __init__(
        self,
        node: Node,
        section: type[Tree],
        without: tuple[str, ...] = (),
        on_change: Callable[[Tree], None] = lambda _: None,
    ) -> None:
        self._node = node
        self._section = section
        self._on_change = on_change
        self._live = [s for s in settings(section) if s.live]
        known = [s for s in settings(section) if s.name.split('.')[0] not in without]
        # An empty list in a file has no type and no value for rclpy. It is treated as if it were not there.
        given = {name: p.value for name, p in parameter_overrides(node).items() if p.value is not None}
        self._tree = {name: value for name, value in given.items() if _is_setting(name, known)}
        self.unknown = {
            name: next(iter(get_close_matches(name, [s.name for s in known], 1)), '')
            for name in given
            if name not in self._tree and name.split('.')[0] not in (*without, *_OF_ROS)
        }
        for name, closest in self.unknown.items():
            hint = f'; did you mean {closest}?' if closest else ''
            node.get_logger().warning(f'parameter {name} is no setting of this node and does nothing{hint}')
        self.config: Tree | None = None
        self.problem = ''
        self._read(self._tree)
        self._declare(known)
        node.add_on_set_parameters_callback(self._set)

    def _read(self, tree: Mapping[str, Any]) -> None:
        try:
            self.config = parse_section(self._section, dict(tree), self._node.get_fully_qualified_name())
            self.problem = ''
        except ConfigError as error:
            self.config, self.problem = None, str(error)

    def _declare(self, known: list[Setting]) -> None:
        values = dict(_leaves((self.config or self._section()).model_dump()))
        cameras = values.get('cameras')
        for setting in known:
            if not setting.name.startswith(PER_CAMERA):
                self._declare_one(setting, setting.name, values[setting.name])
            elif isinstance(cameras, tuple):
                for camera in dict.fromkeys(cameras):  # a duplicate name is refused later, with a message
                    name = setting.name.replace('<name>', camera)
                    self._declare_one(setting, name, values.get(name, setting.default))

    def _declare_one(self, setting: Setting, name: str, value: Any) -> None:
        descriptor = _descriptor(setting, name)
        kind = TYPES[setting.type_name]
        if kind is not Parameter.Type.STRING_ARRAY:
            self._node.declare_parameter(name, value, descriptor, ignore_override=True)
            return
        # rclpy takes an empty list for bytes: the type has to be declared by name, and then it has no value.
        free = ParameterDescriptor(type=kind.value)
        self._node.declare_parameter(name, kind, free, ignore_override=True)
        self._node.set_parameters([Parameter(name, kind, list(value))])
        self._node.set_descriptor(name, descriptor)

    def _set(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        changes = {p.name: p.value for p in parameters if self._node.has_parameter(p.name)}
        live = {name: value for name, value in changes.items() if _is_setting(name, self._live)}
        if not live:
            return SetParametersResult(successful=True)
        try:
            config = parse_section(self._section, self._tree | live, self._node.get_fully_qualified_name())
            self._on_change(config)
        except StreamInferError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self._tree |= live
        self.config, self.problem = config, ''
        return SetParametersResult(successful=True)


# Names that rclpy declares, or that belong to it.
_OF_ROS = ('use_sim_time', 'qos_overrides', 'start_type_description_service')


def _is_setting(name: str, known: list[Setting]) -> bool:
    """True if `name` is one of the settings, including those of a camera of any name."""
    per_camera = [s.name.removeprefix(PER_CAMERA) for s in known if s.name.startswith(PER_CAMERA)]
    if per_camera and name.startswith('camera.'):
        return name.rpartition('.')[2] in per_camera
    return any(name == s.name for s in known)


def _leaves(tree: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f'{prefix}{name}.')
        else:
            yield prefix + name, value


def _descriptor(setting: Setting, name: str) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        name=name,
        type=TYPES[setting.type_name].value,
        description=setting.description,
        additional_constraints=setting.limits,
        read_only=not setting.live,
    )
    if setting.least is None and setting.most is None:
        return descriptor
    least, most = setting.least, setting.most
    if setting.type_name == 'integer':
        whole = IntegerRange(
            from_value=-LARGEST_INTEGER if least is None else int(least),
            to_value=LARGEST_INTEGER if most is None else int(most),
        )
        descriptor.integer_range = [whole]
    else:
        span = FloatingPointRange(
            from_value=-sys.float_info.max if least is None else float(least),
            to_value=sys.float_info.max if most is None else float(most),
        )
        descriptor.floating_point_range = [span]
    return descriptor
