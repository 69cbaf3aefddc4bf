"""Parts that need torch: decoding inside the graph, losses, and a run that is stopped and resumed."""

import numpy as np
import pytest

from training import COLUMNS, ROWS
from training.dataset import Dataset, write
from training.schedule import Schedule

torch = pytest.importorskip('torch', reason='the train extra is not installed: pip install .[train]')

from training.deployed import DeployedNet, free_space, pick_boxes  # noqa: E402
from training.losses import focal_loss, generalized_iou  # noqa: E402
from training.network import SurroundNet  # noqa: E402
from training.train import Training  # noqa: E402


def test_the_rate_rises_holds_and_falls_and_the_held_part_does_not_know_the_end():
    schedule, longer = Schedule(1.0, 100, 10, 20), Schedule(1.0, 1000, 10, 20)
    assert schedule.rate(0) == pytest.approx(0.1)
    assert schedule.rate(9) == schedule.rate(80) == 1.0
    assert schedule.rate(90) == pytest.approx(0.505)
    assert schedule.rate(99) == pytest.approx(0.01 + 0.99 / 20)
    assert [schedule.rate(k) for k in range(81)] == [longer.rate(k) for k in range(81)]


def test_a_peak_becomes_a_box_around_its_place():
    heat = torch.full((1, 4, ROWS, COLUMNS), -9.0)
    heat[0, 2, 10, 20], heat[0, 2, 10, 21], heat[0, 1, 40, 50] = 3.0, 2.9, 5.0
    box = torch.zeros(1, 6, ROWS, COLUMNS)
    box[0, 4, 10, 20] = 1.0
    rows = pick_boxes(heat, box)[0]
    first, second, third = rows[0], rows[1], rows[2]
    assert first.tolist() == pytest.approx([193.5, 153.5, 209.5, 169.5, 201.5, 161.5, 0.99331, 1], abs=1e-4)
    assert second.tolist() == pytest.approx([73.5, 33.5, 89.5, 49.5, 97.5, 41.5, 0.95257, 2], abs=1e-4)
    assert third[6] < 1e-3, 'the neighbour of a peak is none'


def test_the_row_is_the_mean_around_the_likeliest():
    column = torch.full((1, ROWS, COLUMNS), -30.0)
    column[0, 30], column[0, 31] = 0.0, 0.0
    column[0, 5] = -1.0  # far from the likeliest: takes confidence, not part in the mean
    row, confidence = free_space(column)[0, 7].tolist()
    assert row == pytest.approx(30.5 * 4 + 1.5, abs=1e-3)
    assert confidence == pytest.approx(2 / (2 + np.exp(-1)), abs=1e-3)


def test_what_ships_says_what_the_network_says():
    torch.manual_seed(3)
    network = SurroundNet()
    with torch.no_grad():  # as after training: no normalisation at rest
        for buffer in network.buffers():
            if buffer.dtype.is_floating_point:
                buffer.add_(torch.rand_like(buffer) * 0.1)
    images = torch.randint(0, 256, (2, 240, 320, 3), dtype=torch.uint8)
    network.eval()
    with torch.no_grad():
        raw = network(images)
        boxes, rows, ground = DeployedNet(network).eval()(images)
    torch.testing.assert_close(boxes, pick_boxes(raw.heat, raw.box), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(rows, free_space(raw.column), rtol=1e-3, atol=2e-2)
    torch.testing.assert_close(ground, torch.sigmoid(raw.ground), rtol=1e-3, atol=1e-4)


def test_overlap_of_known_boxes():
    a = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    b = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]])
    assert generalized_iou(a, b).tolist() == pytest.approx([1.0, 1 / 3, -1 / 3], abs=1e-5)


def test_places_that_are_not_judged_cost_nothing():
    logits = torch.zeros(1, 1, 2, 2)
    heat = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    everywhere = focal_loss(logits, heat, torch.ones(1, 2, 2))
    judged = torch.ones(1, 2, 2)
    judged[0, 1, 1] = 0.0
    assert focal_loss(logits, heat, judged) < everywhere


def test_a_run_that_stops_goes_on_as_if_it_had_not(tmp_path):
    write(tmp_path, range(900_700, 900_701), 8, processes=1)
    schedule = Schedule(1e-3, 4, 1, 2)

    def fresh():
        return Training(Dataset(tmp_path), schedule, batch_size=2, workers=2, seed=5)

    whole, first, second = fresh(), fresh(), fresh()
    for _ in range(3):
        whole.step()
    first.step()
    first.save(tmp_path / 'checkpoint.pt')
    second.resume(tmp_path / 'checkpoint.pt')
    for _ in range(2):
        second.step()
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert whole.done == second.done == 3
