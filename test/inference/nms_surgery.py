"""Exports with suppression inside made of the YOLOX weights, in the layouts that are in use."""

import numpy as np
from onnx import TensorProto, helper
from yolo_surgery import Surgery

IOU, SCORE = 0.55, 0.03
MOST = 100


class NmsSurgery(Surgery):
    """ONNX's NonMaxSuppression behind the network; only the best class of each row takes part."""

    def _selected(self) -> tuple[str, str, str]:
        """Boxes (N, 4) xyxy in pixels from the corner, scores (N, 1) and classes (N, 1), float."""
        box, objectness, classes = self.decoded()
        scores = self.add('Mul', objectness, classes)
        best = self.add('ReduceMax', scores, axes=[2], keepdims=1)
        only_best = self.add('Where', self.add('Equal', scores, best), scores, self.constant(np.float32(0.0)))
        half = self.add('Mul', self.part(box, 2, 4), self.constant(np.float32(0.5)))
        corners = [self.add(kind, self.part(box, 0, 2), half) for kind in ('Sub', 'Add')]
        xyxy = self.add('Concat', *corners, axis=2)
        picked = self.add(
            'NonMaxSuppression',
            xyxy,
            self.add('Transpose', only_best, perm=[0, 2, 1]),
            self.constant(np.int64([300])),
            self.constant(np.float32([IOU])),
            self.constant(np.float32([SCORE])),
        )
        class_id = self.part(picked, 1, 2, axis=1)
        row = self.shaped(self.part(picked, 2, 3, axis=1), -1)
        boxes = self.add('Gather', self.shaped(xyxy, -1, 4), row, axis=0)
        score = self.add('Gather', self.shaped(best, -1, 1), row, axis=0)
        return boxes, score, self.add('Cast', class_id, to=TensorProto.FLOAT)

    def rows(self) -> list[str]:
        """YOLOv7's: (N, 7) of image, corners, class, score."""
        boxes, score, class_id = self._selected()
        image = self.add('Mul', score, self.constant(np.float32(0.0)))
        return [self.add('Concat', image, boxes, class_id, score, axis=1)]

    def torchvision(self) -> list[str]:
        """boxes (N, 4), labels (N) from 1, scores (N)."""
        boxes, score, class_id = self._selected()
        label = self.add('Add', class_id, self.constant(np.float32(1.0)))
        return [
            self.named('boxes', boxes),
            self.named('labels', self.add('Cast', self.shaped(label, -1), to=TensorProto.INT64)),
            self.named('scores', self.shaped(score, -1)),
        ]

    def efficient_nms(self) -> list[str]:
        """num_dets (1, 1), and 100 of det_boxes, det_scores and det_classes, best first."""
        fields = self.add('Concat', *self._selected(), axis=1)
        filled = self.add('Concat', fields, self.constant(np.zeros((MOST, 6), np.float32)), axis=0)
        score = self.shaped(self.part(filled, 4, 5, axis=1), -1)
        top, order = self.add_many('TopK', 2, score, self.constant(np.int64([MOST])), axis=0)
        rows = self.shaped(self.add('Gather', filled, order, axis=0), 1, MOST, 6)
        found = self.add('Greater', top, self.constant(np.float32(0.0)))
        count = self.add('ReduceSum', self.add('Cast', found, to=TensorProto.INT32), keepdims=1)
        class_id = self.shaped(self.part(rows, 5, 6), 1, MOST)
        return [
            self.named('num_dets', self.shaped(count, 1, 1)),
            self.named('det_boxes', self.part(rows, 0, 4)),
            self.named('det_scores', self.shaped(self.part(rows, 4, 5), 1, MOST)),
            self.named('det_classes', self.add('Cast', class_id, to=TensorProto.INT32)),
        ]

    def mmdeploy(self) -> list[str]:
        """dets (1, N, 5) and labels (1, N)."""
        boxes, score, class_id = self._selected()
        label = self.shaped(class_id, 1, -1)
        return [
            self.named('dets', self.shaped(self.add('Concat', boxes, score, axis=1), 1, -1, 5)),
            self.named('labels', self.add('Cast', label, to=TensorProto.INT64)),
        ]

    def shaped(self, name: str, *shape: int) -> str:
        return self.add('Reshape', name, self.constant(np.int64(shape)))

    def named(self, name: str, value: str) -> str:
        """The value under a name that decoders look for."""
        self._nodes.append(helper.make_node('Identity', [value], [name]))
        return name

    def add_many(self, kind: str, count: int, *inputs: str, **attributes: object) -> list[str]:
        """Names of the `count` outputs of a new node."""
        self._names += 1
        outputs = [f'added{self._names}_{place}' for place in range(count)]
        self._nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs
