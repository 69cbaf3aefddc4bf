"""What /diagnostics says of the model: its class names, and boxes that are nonsense."""

import pytest
from test_pipeline_end_to_end import Driven, config
from test_pipeline_network import ones
from yard import Yard

from stream_infer_ros.messages.diagnostics import DiagnosticLevel

CELLS = 84


def status(yard, made):
    found = {s.name: s for s in made.assembly.health.diagnostics.statuses(yard.clock.now_ns)}
    return found['stream_infer: model']


def test_the_shipped_model_in_its_world_is_no_nonsense():
    yard = Yard()
    made = Driven(yard, config(engine={'kind': 'auto'}))
    yard.stream(ticks=45)
    assert sum(len(found) for result in made.results for found in result.detections.values()) > 100
    assert status(yard, made).level is DiagnosticLevel.OK
    assert status(yard, made).values['family'] == 'surround'
    assert made.assembly.health.nonsense() == ''
    assert made.network.notes(with_map=True) == []
    made.network.close()


def test_boxes_of_a_wrong_card_are_told_with_the_remedy(tmp_path):
    """Every value is one, so that all boxes lie in the padding above the image."""
    model = ones(tmp_path / 'm.onnx', (1, 6, CELLS), family='yolov8', class_names='cat,dog')
    yard = Yard()
    made = Driven(yard, config(engine={'kind': 'auto'}, model={'file': str(model)}))
    yard.stream(ticks=30)
    told = status(yard, made)
    assert told.level is DiagnosticLevel.WARN
    assert told.values['problem'] == 'nonsense'
    for words in ('m.onnx seems to give nonsense', 'outside of the image', 'yolov8', 'check-model m.onnx'):
        assert words in told.message
    assert any('nonsense' in problem for problem in made.assembly.health.other_problems(yard.clock.now_ns))
    made.network.close()


@pytest.mark.parametrize(('classes', 'card'), [(80, 'yolov8_coco'), (5, '')])
def test_classes_without_names_are_told_at_the_start_and_later(tmp_path, classes, card):
    model = ones(tmp_path / 'm.onnx', (1, 4 + classes, CELLS), family='yolov8')
    yard = Yard()
    made = Driven(yard, config(engine={'kind': 'auto'}, model={'file': str(model)}))
    (note, *_) = made.network.notes(with_map=False)
    assert f'the {classes} classes of m.onnx' in note
    assert 'published as class0, class1, class2, ...' in note
    assert card in note
    assert ('model.card' in note) is bool(card)
    told = status(yard, made)
    assert told.level is DiagnosticLevel.WARN
    assert told.values['problem'] == 'unnamed_classes'
    assert note in told.message
    made.network.close()
    named = config(
        engine={'kind': 'auto'}, model={'file': str(model), 'class_names_file': str(tmp_path / 'n')}
    )
    (tmp_path / 'n').write_text('\n'.join(f'thing {k}' for k in range(classes)))
    made = Driven(Yard(), named)
    assert made.network.notes(with_map=False) == []
    made.network.close()
