"""The status of the model: whether its classes have names, and whether its boxes make sense."""

from __future__ import annotations

from stream_infer_ros.inference.box_watch import BoxWatch
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.health.status import Status
from stream_infer_ros.pipeline.network import Network


class ModelStatus:
    """Reports one status for the network, whatever its engine.

    Args:
        boxes: judges the boxes of all images.
    """

    def __init__(self, network: Network, boxes: BoxWatch) -> None:
        self._network = network
        self._boxes = boxes
        self._unnamed = network.unnamed_classes()

    def nonsense(self) -> str:
        """Say what is odd about the boxes of the network, and what to do; empty if nothing is."""
        problem = self._boxes.problem
        if not problem:
            return ''
        file = self._network.file.name
        return (
            f'{file} seems to give nonsense: {problem}; check model.family (it is '
            f'{self._network.decoder.card.family} now) and model.card (colour, scale, mean and std of the '
            f'pixels), and compare with `stream_infer check-model {file} --pictures FOLDER`'
        )

    def statuses(self, now_ns: int) -> list[Status]:
        decoder = self._network.decoder
        values = {'family': decoder.card.family, 'classes': str(len(decoder.class_names))}
        problems = {'nonsense': self.nonsense(), 'unnamed_classes': self._unnamed}
        there = {name: words for name, words in problems.items() if words}
        if there:
            message = '; '.join(there.values())
            return [Status(DiagnosticLevel.WARN, 'model', message, values, ', '.join(there))]
        return [Status(DiagnosticLevel.OK, 'model', f'family {decoder.card.family}', values)]
