"""`eval-map` says what failed; that a score is right is the business of the rooms it is made in."""

import pytest

from stream_infer_ros.cli.eval_map import eval_map
from stream_infer_ros.errors import EngineDown, EngineError, InferenceMissed
from stream_infer_ros.inference import FakeEngine
from stream_infer_ros.inference.engines import ENGINES


class Failing(FakeEngine):
    """Works for a few images, then fails however often it is started."""

    def __init__(self, error):
        super().__init__()
        self._error, self._left = error, 6

    def run(self, pictures, within_s=float('inf')):
        pictures = list(pictures)
        self._left -= len(pictures)
        if self._left < 0:
            raise self._error
        yield from super().run(pictures)


@pytest.mark.parametrize(
    ('raised', 'told'),
    [(InferenceMissed('no server answers'), InferenceMissed), (EngineError('lost the device'), EngineDown)],
)
def test_an_engine_that_gives_no_result_is_what_the_user_is_told_of(raised, told, monkeypatch):
    monkeypatch.setitem(ENGINES, 'fake', lambda _spec: Failing(raised))
    with pytest.raises(told, match=str(raised)):
        eval_map(seeds=1, seconds=5.0, engine='fake')
