"""Options that stand for settings take type, range, choices and help from the configuration tree."""

import pytest
import typer
from typer.testing import CliRunner

from stream_infer_ros.cli.setting_options import with_config, with_section
from stream_infer_ros.config import Config, WorldConfig
from stream_infer_ros.config.reference import settings
from stream_infer_ros.errors import ConfigError

DESCRIPTIONS = {setting.name: setting.description for setting in settings()}


def run(decorate, *arguments):
    """Run a command whose parameter `settings` is decorated; return the result and the settings."""
    received = []
    app = typer.Typer()

    @app.command()
    @decorate
    def command(settings):
        received.append(settings)

    return CliRunner().invoke(app, [*arguments], terminal_width=2000), received


def of_config(*paths):
    return with_config('settings', *paths)


def test_options_take_precedence_over_the_file(tmp_path):
    file = tmp_path / 'my.yaml'
    file.write_text('bound_ms: 80.0\ncameras: [front]\nengine: {kind: fake, threads: 3}\n')
    options = ('--cameras', 'left, right', '--engine', 'openvino', '--loopback', '--model', '/my/net.onnx')
    decorate = of_config('cameras', 'model.file', 'engine.kind', 'bound_ms', 'graph.loopback')
    result, (config,) = run(decorate, '--config', str(file), *options)
    assert result.exit_code == 0, result.output
    assert (config.cameras, config.bound_ms) == (('left', 'right'), 80.0)
    assert (config.engine.kind, config.engine.threads) == ('openvino', 3)
    assert config.graph.loopback
    assert config.model.file == '/my/net.onnx'


def test_without_options_and_file_the_defaults_apply():
    _, (config,) = run(of_config('cameras', 'engine.tensorrt.compute_capabilities'))
    assert config == Config()


def test_an_option_of_a_list_may_be_repeated():
    option = '--compute-capability'
    _, (config,) = run(of_config('engine.tensorrt.compute_capabilities'), option, '8.6', option, '8.9')
    assert config.engine.tensorrt.compute_capabilities == ('8.6', '8.9')


def test_a_wrong_value_is_an_error_that_names_the_setting():
    result, received = run(of_config('bound_ms'), '--bound-ms', '-5')
    assert isinstance(result.exception, ConfigError)
    assert 'bound_ms: input should be greater than 0' in str(result.exception)
    assert received == []


def test_another_choice_is_a_usage_error():
    result, _ = run(of_config('engine.kind'), '--engine', 'abacus')
    assert result.exit_code == 2
    assert 'abacus' in result.output


def test_the_help_is_the_description_of_the_setting():
    result, _ = run(of_config('bound_ms', 'graph.namespace', 'model.card'), '--help')
    text = ' '.join(result.output.replace('│', ' ').split())
    for path in ('bound_ms', 'graph.namespace', 'model.card'):
        assert DESCRIPTIONS[path] in text


@pytest.mark.parametrize(('options', 'code'), [(('--jpeg', '101'), 2), (('--jpeg', '90'), 0)])
def test_a_section_has_its_defaults_and_ranges_on_the_command_line(options, code):
    result, received = run(with_section('settings', WorldConfig), *options)
    assert result.exit_code == code
    assert received == ([] if code else [WorldConfig(jpeg=90)])
