"""Other families' exports made of the YOLOX weights: the same boxes, another form.

Each gets the input its family has (RGB 0..1), and its metadata where its exporter writes some.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from stream_infer_ros.inference.decoders.grid import grid_cells

SIZE, CLASSES = 416, 80
STRIDES = (8, 16, 32)
# The middle anchor of each cell has the box; a mistaken index gives boxes of a few pixels.
ANCHORS = [[[1, 2], [SIZE, SIZE], [2, 1]]] * 3
_GRIDS = [SIZE // stride for stride in STRIDES]
_CELLS = sum(grid * grid for grid in _GRIDS)


class Surgery:
    """A network that nodes are added to; `write` makes a file of it."""

    def __init__(self, yolox: Path) -> None:
        self._model = onnx.load(yolox)
        graph = self._model.graph
        (self._input,), (output,) = graph.input, graph.output
        self._nodes = list(graph.node)
        self._constants = list(graph.initializer)
        self._names = 0
        self._before = [
            helper.make_node('Mul', ['rgb', self.constant(np.float32(255.0))], ['rgb255']),
            helper.make_node('Gather', ['rgb255', self.constant([2, 1, 0])], [self._input.name], axis=1),
        ]
        # Before decoding: u, v, log w, log h in cells.
        self._raw = [self.part(output.name, *span) for span in ((0, 2), (2, 4), (4, 5), (5, 5 + CLASSES))]

    def clamp(self) -> None:
        """Keep centres where YOLOv5's heads can say them: at most half a cell outside their own."""
        self._raw[0] = self.add(
            'Clip', self._raw[0], *(self.constant(np.float32(v)) for v in (-0.499, 1.499))
        )

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Name of the one output of a new node."""
        self._names += 1
        self._nodes.append(helper.make_node(kind, list(inputs), [f'added{self._names}'], **attributes))
        return f'added{self._names}'

    def constant(self, value: object) -> str:
        """Name of a new constant."""
        self._names += 1
        self._constants.append(numpy_helper.from_array(np.asarray(value), f'constant{self._names}'))
        return f'constant{self._names}'

    def part(self, name: str, first: int, end: int, axis: int = 2) -> str:
        """`name[..., first:end]` along an axis."""
        return self.add('Slice', name, *(self.constant([n]) for n in (first, end, axis)))

    def decoded(self) -> tuple[str, str, str]:
        """Centre and size (1, cells, 4) in pixels, objectness (1, cells, 1), classes (1, cells, 80)."""
        cells = grid_cells(SIZE, SIZE, STRIDES)
        offset, stride = self.constant(cells[None, :, :2]), self.constant(cells[None, :, 2:])
        centre = self.add('Mul', self.add('Add', self._raw[0], offset), stride)
        size = self.add('Mul', self.add('Exp', self._raw[1]), stride)
        return self.add('Concat', centre, size, axis=2), self._raw[2], self._raw[3]

    def yolox_decoded(self) -> list[str]:
        return [self.add('Concat', *self.decoded(), axis=2)]

    def yolov8_rows(self) -> list[str]:
        box, objectness, classes = self.decoded()
        return [self.add('Concat', box, self.add('Mul', objectness, classes), axis=2)]

    def yolov8(self) -> list[str]:
        return [self.add('Transpose', self.yolov8_rows()[0], perm=[0, 2, 1])]

    def yolov8_segment(self) -> list[str]:
        """With 32 mask coefficients larger than any score behind the classes, and masks."""
        columns = self.yolov8()[0]
        nines = self.constant(np.full((1, 32, _CELLS), 9.0, np.float32))
        masks = self.add('Identity', self.constant(np.zeros((1, 32, 104, 104), np.float32)))
        return [self.add('Concat', columns, nines, axis=1), masks]

    def yolov8_pose(self) -> list[str]:
        nines = self.constant(np.full((1, 51, _CELLS), 9.0, np.float32))
        return [self.add('Concat', self.yolov8()[0], nines, axis=1)]

    def yolov5(self) -> list[str]:
        """Three rows a cell, two of which see nothing."""
        rows = self.yolox_decoded()[0]
        nothing = self.add('Mul', rows, self.constant(np.float32([1.0] * 4 + [0.0] + [1.0] * CLASSES)))
        return [self.add('Concat', nothing, rows, nothing, axis=1)]

    def yolov5_raw(self) -> list[str]:
        """Three heads (1, 3, rows, columns, 85), in which the middle anchor sees."""
        stride = grid_cells(SIZE, SIZE, STRIDES)[None, :, 2:]
        half, one, least = (self.constant(np.float32(v)) for v in (0.5, 1.0, 1e-6))
        size = self.add('Mul', self.add('Exp', self._raw[1]), self.constant(stride / np.float32(SIZE)))
        sigmoids = [
            self.add('Mul', self.add('Add', self._raw[0], half), half),
            self.add('Mul', self.add('Sqrt', size), half),
            *self._raw[2:],
        ]
        probability = self.add('Clip', self.add('Concat', *sigmoids, axis=2), least)
        odds = self.add('Div', probability, self.add('Max', self.add('Sub', one, probability), least))
        logits = self.add('Log', odds)
        nothing = self.add('Sub', logits, self.constant(np.float32([0.0] * 4 + [30.0] + [0.0] * CLASSES)))
        heads, first = [], 0
        for grid in _GRIDS:
            shape = self.constant(np.int64([1, 1, grid, grid, 5 + CLASSES]))
            three = [
                self.add('Reshape', self.part(name, first, first + grid * grid, 1), shape)
                for name in (nothing, logits, nothing)
            ]
            heads.append(self.add('Concat', *three, axis=1))
            first += grid * grid
        return heads

    def yolov5_raw_planes(self) -> list[str]:
        """The same as they come out of the last convolutions: (1, 3 * 85, rows, columns), largest first."""
        planes = []
        for head, grid in zip(self.yolov5_raw(), _GRIDS, strict=True):
            turned = self.add('Transpose', head, perm=[0, 1, 4, 2, 3])
            planes.append(self.add('Reshape', turned, self.constant([1, 3 * (5 + CLASSES), grid, grid])))
        return planes[::-1]

    def end_to_end(self) -> list[str]:
        """The 300 best boxes (1, 300, 6)."""
        box, objectness, classes = self.decoded()
        scores = self.add('Mul', objectness, classes)
        half = self.add('Mul', self.part(box, 2, 4), self.constant(np.float32(0.5)))
        corners = [self.add(kind, self.part(box, 0, 2), half) for kind in ('Sub', 'Add')]
        best = self.add('ReduceMax', scores, axes=[2], keepdims=1)
        class_id = self.add('Cast', self.add('ArgMax', scores, axis=2, keepdims=1), to=TensorProto.FLOAT)
        rows = self.add('Concat', *corners, best, class_id, axis=2)
        self._nodes.append(helper.make_node('TopK', [best, self.constant([300])], ['top', 'order'], axis=1))
        six = self.add('Expand', 'order', self.constant([1, 300, 6]))
        return [self.add('GatherElements', rows, six, axis=1)]

    def half(self, names: list[str]) -> list[str]:
        """The same in float16."""
        return [self.add('Cast', name, to=TensorProto.FLOAT16) for name in names]

    def write(self, path: Path, outputs: list[str], metadata: dict[str, str]) -> Path:
        graph = helper.make_graph(
            [*self._before, *self._nodes],
            'surgery',
            [helper.make_tensor_value_info('rgb', TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=self._model.opset_import, ir_version=8)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)
        return path
