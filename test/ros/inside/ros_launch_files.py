"""The launch files describe their arguments, and set parameters that exist."""

from functools import partial
from pathlib import Path

import pytest

# Without ROS's launch, `launch` would be the folder of this repository.
pytest.importorskip('launch_ros', reason='this ROS has no launch_ros')

from launch import LaunchContext
from launch.events.process import ProcessExited
from launch.launch_description_sources import get_launch_description_from_any_launch_file
from launch.launch_description_sources.python_launch_file_utilities import load_python_launch_file_as_module
from launch.utilities import perform_substitutions

from stream_infer_ros.config.reference import settings
from stream_infer_ros.graph.fastdds_for_images import is_configured, profile_variable
from tools.reference_pages.launch_arguments import read_launch_file

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / 'launch').glob('*.launch.py'))
PIPELINE = ROOT / 'launch' / 'stream_infer.launch.py'
TYPES = {'string array': list, 'string': str, 'double': float, 'bool': bool, 'integer': int}


def arguments(file):
    return {a.name: a for a in get_launch_description_from_any_launch_file(str(file)).get_launch_arguments()}


@pytest.fixture(scope='module')
def pipeline():
    return load_python_launch_file_as_module(str(PIPELINE))


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_the_reference_page_has_every_argument(file):
    """The page is generated without ROS, from stand-ins for launch."""
    page = read_launch_file(file)
    included = [read_launch_file(file.with_name(inclusion.name)) for inclusion in page.inclusions]
    listed = [argument for each in (page, *included) for argument in each.arguments]
    declared = arguments(file)
    assert {argument.name for argument in listed} == set(declared)
    for argument in page.arguments:
        # launch itself appends the choices.
        assert declared[argument.name].description.startswith(argument.description)
        assert len(argument.description.split()) > 2, argument.name


def test_the_arguments_are_those_of_the_pipeline_everywhere():
    wanted = (
        'namespace tf_in_namespace params_file cameras model card engine device precision bound_ms map_frame '
        'use_sim_time rviz rviz_config log_level autostart build_only fastdds_profile'
    )
    assert set(arguments(PIPELINE)) == set(wanted.split())
    for file in FILES:
        assert set(arguments(file)) >= set(wanted.split()), file.name


def test_arguments_set_parameters_of_the_tree_in_their_types(pipeline):
    tree = {setting.name: TYPES[setting.type_name] for setting in settings()}
    tree |= {'use_sim_time': bool, 'autostart': bool}
    for argument, (parameter, kind, _) in pipeline.SETTINGS.items():
        assert tree[parameter] is kind, argument


@pytest.mark.parametrize(
    ('kind', 'text', 'value'),
    [
        (list, 'front, left', ['front', 'left']),
        (float, '80', 80.0),
        (bool, 'True', True),
        (bool, 'false', False),
        (str, 'a b', 'a b'),
    ],
)
def test_arguments_become_values(pipeline, kind, text, value):
    context = LaunchContext()
    context.launch_configurations['x'] = text
    assert pipeline.value(context, 'x', kind) == value


@pytest.mark.parametrize(('kind', 'text'), [(float, 'fast'), (bool, 'perhaps'), (float, 'true')])
def test_what_is_no_such_value_is_refused_by_name(pipeline, kind, text):
    context = LaunchContext()
    context.launch_configurations['bound_ms'] = text
    with pytest.raises(RuntimeError, match=f"bound_ms: expected .*, got '{text}'"):
        pipeline.value(context, 'bound_ms', kind)


def test_a_parameter_file_that_is_not_there_is_refused(pipeline):
    context = LaunchContext()
    context.launch_configurations['params_file'] = '/nowhere/my.yaml'
    with pytest.raises(RuntimeError, match=r'none at /nowhere/my\.yaml'):
        pipeline.params_file(context)


def test_rviz_shows_the_cameras_of_the_node_or_the_file_that_is_given(pipeline, tmp_path):
    context = LaunchContext()
    context.launch_configurations.update(rviz_config='', namespace='robot1', tf_in_namespace='false')
    (ours,) = pipeline.rviz(context)
    assert (ours.node_package, ours.node_executable) == ('stream_infer_ros', 'stream_infer_rviz')
    file = tmp_path / 'mine.rviz'
    context.launch_configurations['rviz_config'] = str(file)
    (given,) = pipeline.rviz(context)
    assert (given.node_package, given.node_executable) == ('rviz2', 'rviz2')


@pytest.mark.parametrize(
    ('argument', 'text', 'words'),
    [
        ('rviz', 'yes', "rviz: expected true or false, got 'yes'"),
        (
            'rviz_config',
            '/nowhere/my.rviz',
            'rviz_config: expected a file, there is none at /nowhere/my.rviz',
        ),
        ('bound_ms', 'fast', "bound_ms: expected a number, got 'fast'"),
        (
            'params_file',
            '/nowhere/my.yaml',
            'params_file: expected a file, there is none at /nowhere/my.yaml',
        ),
    ],
)
def test_a_wrong_argument_is_refused_before_a_node_is_started(pipeline, argument, text, words):
    good = dict.fromkeys([*pipeline.SETTINGS, 'rviz_config'], '') | {'params_file': __file__}
    good |= dict.fromkeys(['build_only', 'tf_in_namespace', 'rviz'], 'false')
    context = LaunchContext()
    context.launch_configurations.update(good)
    pipeline.check(context)
    context.launch_configurations[argument] = text
    with pytest.raises(RuntimeError, match=words):
        pipeline.check(context)


@pytest.mark.parametrize(('rviz', 'warnings'), [('false', 1), ('true', 0)])
def test_a_configuration_of_rviz_that_is_not_used_gives_a_warning(pipeline, rviz, warnings):
    arguments = dict.fromkeys(pipeline.SETTINGS, '') | {'params_file': __file__, 'rviz_config': __file__}
    context = LaunchContext()
    context.launch_configurations.update(
        arguments | dict.fromkeys(['build_only', 'tf_in_namespace'], 'false') | {'rviz': rviz}
    )
    actions = pipeline.check(context)
    assert len(actions) == warnings
    assert all('is ignored' in action.msg[0].text for action in actions)


@pytest.fixture
def fast_dds(pipeline, monkeypatch, tmp_path):
    """Return a function that applies `fastdds_profile` and returns the variables that it adds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, 'SHARE', str(ROOT))
    for name in (*pipeline.FAST_DDS_VARIABLES, 'ROS_LOCALHOST_ONLY', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.delenv(name, raising=False)

    def added(profile, **variables):
        context = LaunchContext()
        context.launch_configurations['fastdds_profile'] = profile
        with pytest.MonkeyPatch.context() as patch:
            for name, text in variables.items():
                patch.setenv(name, text)
            actions = pipeline.fast_dds(context)
        perform = partial(perform_substitutions, context)
        return {perform(action.name): perform(action.value) for action in actions}

    return added


@pytest.mark.parametrize('distro', ['jazzy', 'kilted'])
def test_fast_dds_has_its_profile_for_all_that_is_launched(fast_dds, distro):
    name = profile_variable({'ROS_DISTRO': distro})
    assert fast_dds('auto', ROS_DISTRO=distro) == {name: str(ROOT / 'config' / 'fastdds.xml')}


def test_limited_to_this_machine_fast_dds_has_the_profile_for_that(fast_dds):
    (file,) = fast_dds('auto', ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST').values()
    assert file == str(ROOT / 'config' / 'fastdds_localhost.xml')


def test_what_the_user_has_set_of_fast_dds_stays(pipeline, fast_dds, tmp_path):
    for name in pipeline.FAST_DDS_VARIABLES:
        assert fast_dds('auto', **{name: 'mine'}) == {}
    (tmp_path / 'DEFAULT_FASTDDS_PROFILES.xml').write_text('<profiles/>')
    assert fast_dds('auto') == {}


def test_fast_dds_can_be_left_alone_or_have_another_profile(fast_dds, tmp_path):
    assert is_configured(fast_dds('none'), tmp_path)  # so that the nodes do not set the profile either
    mine = tmp_path / 'mine.xml'
    mine.write_text('<profiles/>')
    assert set(fast_dds(str(mine)).values()) == {str(mine)}
    with pytest.raises(RuntimeError, match='fastdds_profile: expected auto, none or a file'):
        fast_dds('/nowhere/mine.xml')


@pytest.mark.parametrize('names', ['front,left', 'cam1', 'cam0,cam0'])
def test_the_demo_refuses_cameras_that_its_world_does_not_make(names):
    demo = load_python_launch_file_as_module(str(ROOT / 'launch' / 'demo.launch.py'))
    context = LaunchContext()
    context.launch_configurations.update(cameras=names, use_sim_time='', tf_in_namespace='false')
    with pytest.raises(RuntimeError, match='expected the simulated cameras cam0'):
        demo.check_cameras(context)
    context.launch_configurations['cameras'] = 'cam1, cam0'
    demo.check_cameras(context)
    assert len(demo.world(context)) == 1


def test_a_replay_ends_well_only_if_its_bag_was_played():
    replay = load_python_launch_file_as_module(str(ROOT / 'launch' / 'replay.launch.py'))

    def ended(code):
        return ProcessExited(action=None, name='', cmd=[], cwd=None, env=None, pid=1, returncode=code)

    assert len(replay.end(ended(0), LaunchContext())) == 2
    with pytest.raises(RuntimeError, match='could not be played'):
        replay.end(ended(1), LaunchContext())
