"""A cv_bridge that crashes, hangs or fails does not end the node; the error says what to do. Needs no ROS."""

import sys

import numpy as np
import pytest

from stream_infer_ros.errors import EncodingError
from stream_infer_ros.nodes import cv_bridge_encodings
from stream_infer_ros.nodes.cv_bridge_encodings import known_to_cv_bridge

ENCODING = 'rgb16'
BRIDGE = """
class CvBridgeError(Exception):
    pass

class CvBridge:
    def encoding_to_dtype_with_channels(self, encoding):
        return 'uint16', 3
"""
CONVERSION = """
import numpy

def cvtColor2(image, source, target):
    return (image >> 8).astype(numpy.uint8)
"""
ABORTS = 'import os\nos.abort()\n'
HANGS = 'import threading\nthreading.Event().wait()\n'
RAISES = "raise SystemError('initialization of cv_bridge_boost raised unreported exception')\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a cv_bridge with the given code first on the path."""

    def put(bridge=BRIDGE, boost=CONVERSION):
        package = tmp_path / 'cv_bridge'
        (package / 'boost').mkdir(parents=True)
        (package / '__init__.py').write_text(bridge)
        (package / 'boost' / '__init__.py').touch()
        (package / 'boost' / 'cv_bridge_boost.py').write_text(boost)
        monkeypatch.syspath_prepend(tmp_path)

    forget()
    yield put
    forget()


def forget():
    known_to_cv_bridge.cache_clear()
    cv_bridge_encodings.why_unusable.cache_clear()
    for name in [name for name in sys.modules if name.partition('.')[0] == 'cv_bridge']:
        del sys.modules[name]


def refused():
    with pytest.raises(EncodingError, match='cv_bridge, which might know it, cannot be used') as caught:
        known_to_cv_bridge(ENCODING)
    assert not [name for name in sys.modules if name.startswith('cv_bridge')]
    return str(caught.value)


@pytest.mark.parametrize(
    ('code', 'words'),
    [
        ({'bridge': ABORTS}, 'a trial crashed with SIGABRT'),
        (
            {'boost': CONVERSION + 'def cvtColor2(*_):\n    import os\n    os.abort()\n'},
            'crashed with SIGABRT',
        ),
        ({'boost': RAISES}, '(SystemError: initialization of cv_bridge_boost raised unreported exception)'),
    ],
    ids=['crashes on import', 'crashes in use', 'raises'],
)
def test_one_that_fails_is_not_imported_and_the_remedy_is_told(install, monkeypatch, code, words):
    install(**code)
    monkeypatch.setattr(np, '__version__', '2.4.0')
    message = refused()
    assert words in message
    assert 'this Python loads NumPy 2.4.0 from ' in message
    assert f'`{sys.executable} -m pip install "numpy<2"`' in message
    assert 'let the driver publish one of: ' in message


def test_one_that_hangs_is_given_up(install, monkeypatch):
    install(bridge=HANGS)
    monkeypatch.setattr(cv_bridge_encodings, 'LIMIT_S', 1.0)
    assert 'a trial in another process did not end within 1 s' in refused()


def test_beside_numpy_1_no_other_numpy_is_advised(install, monkeypatch):
    install(bridge=ABORTS)
    monkeypatch.setattr(np, '__version__', '1.26.4')
    assert 'numpy<2' not in refused()


def test_where_there_is_none_no_process_is_started(install, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    monkeypatch.setattr(cv_bridge_encodings, '_failure', lambda: pytest.fail('a trial was made'))
    with pytest.raises(EncodingError, match=r'it is not installed: install ros-\$ROS_DISTRO-cv-bridge'):
        known_to_cv_bridge(ENCODING)


def test_it_is_tried_once(install, tmp_path):
    trials = tmp_path / 'trials'
    install(bridge=f"open({str(trials)!r}, 'a').write('x')\n{RAISES}")
    for _ in range(3):
        refused()
    assert trials.read_text() == 'x'


def test_one_that_works_is_used(install):
    install()
    info = known_to_cv_bridge(ENCODING)
    image = np.full((2, 2, 3), 0x1200, np.uint16)
    assert (info.convert(image, 'rgb') == 0x12).all()
