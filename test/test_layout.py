"""`pip install .` and `colcon build` put the same files where ROS tools look for them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARE = {
    'share/ament_index/resource_index/packages/stream_infer_ros',
    'share/stream_infer_ros/package.xml',
    'share/stream_infer_ros/launch/stream_infer.launch.py',
    'share/stream_infer_ros/launch/demo.launch.py',
    'share/stream_infer_ros/launch/replay.launch.py',
    'share/stream_infer_ros/config/stream_infer.yaml',
    'share/stream_infer_ros/config/six_cameras.yaml',
    'share/stream_infer_ros/config/occupancy_fusion.yaml',
    'share/stream_infer_ros/config/stream_infer.rviz',
    'share/stream_infer_ros/config/fastdds.xml',
    'share/stream_infer_ros/config/fastdds_localhost.xml',
    'share/stream_infer_ros/config/sros2/stream_infer.policy.xml',
    'share/stream_infer_ros/config/models/coco.txt',
    'share/stream_infer_ros/config/models/yolox_coco.yaml',
    'share/stream_infer_ros/models/surround.onnx',
    'share/stream_infer_ros/models/surround.md',
}


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """A copy of what is in git or would be: builds must not write into the checkout."""
    listed = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip('not a git checkout: which files belong to the package is not known')
    copy = tmp_path_factory.mktemp('workspace') / 'src' / 'stream_infer_ros'
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith('test/'):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def installed(prefix: Path) -> set[str]:
    return {str(path.relative_to(prefix)) for path in prefix.rglob('*') if path.is_file()}


def clean_environment() -> dict[str, str]:
    """No sourced ROS and no checkout may stand in for what was installed."""
    drop = ('PYTHONPATH', 'AMENT_PREFIX_PATH', 'COLCON_PREFIX_PATH')
    return {name: value for name, value in os.environ.items() if name not in drop}


def shows_its_model(python_path: Path, cwd: Path) -> None:
    """The installed package, not the checkout, finds its model under its own prefix."""
    code = 'from stream_infer_ros.resources import default_model as m; assert m().is_file(); print(m())'
    environment = clean_environment() | {'PYTHONPATH': str(python_path)}
    told = subprocess.run(
        [sys.executable, '-c', code], cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(told.stdout.strip()).is_relative_to(python_path.parents[2])


def test_pip_install(source, tmp_path):
    prefix = tmp_path / 'prefix'
    command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-build-isolation']
    command += ['--ignore-installed', '--no-warn-script-location', '--prefix', str(prefix), '.']
    subprocess.run(command, cwd=source, env=clean_environment(), check=True)
    assert installed(prefix) >= SHARE | {'bin/stream_infer'}
    (packages,) = prefix.glob('l*/python*/site-packages')
    assert (packages / 'stream_infer_ros' / 'report' / 'page.html').is_file()
    shows_its_model(packages, tmp_path)


@pytest.mark.parametrize('options', [[], ['--symlink-install']], ids=['plain', 'symlink'])
def test_colcon_build(source, tmp_path, options):
    workspace = source.parents[1]
    command = [sys.executable, '-m', 'colcon', '--log-base', str(tmp_path / 'log'), 'build']
    command += ['--build-base', str(tmp_path / 'build'), '--install-base', str(tmp_path / 'install')]
    built = subprocess.run(
        [*command, *options],
        cwd=workspace,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    prefix = tmp_path / 'install' / 'stream_infer_ros'
    assert installed(prefix) >= SHARE | {'lib/stream_infer_ros/stream_infer'}
    if not options:
        (packages,) = prefix.glob('l*/python*/site-packages')
        shows_its_model(packages, tmp_path)
