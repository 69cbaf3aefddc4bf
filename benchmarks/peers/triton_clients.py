"""Triton's clients, one for each camera: `python -m peers.triton_clients SETTING`.

Each receives raw bytes as we do, writes the network's input, and asks over gRPC without waiting; the answer
is decoded and published where it arrives. Nothing joins the streams: an image's result is out as soon as it
can.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import tritonclient.grpc as triton

from peers.plain_runtime import rgb_of_file
from peers.talk import Results, Setting
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import EngineConfig, GraphConfig, ModelConfig
from stream_infer_ros.graph import SENSOR_DATA, Cdr, Graph, Qos, make_graph
from stream_infer_ros.inference import EngineIo, ImageInput, Thresholds, make_decoder
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.inference.decoders import Decoder
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.messages import compressed_image, detection2d_array, image
from stream_infer_ros.process_memory import keep_freed_memory

RELIABLE_5 = Qos('reliable', 'volatile', 5)
# Questions of a camera that are not answered yet; a frame that comes on top is let go.
ON_THE_WAY = 2


class Client:
    """One camera."""

    def __init__(
        self, camera: int, setting: Setting, graph: Graph, decoder: Decoder, io: EngineIo, results: Results
    ) -> None:
        name = setting.options.cameras[camera]
        self._camera, self._decoder, self._results = camera, decoder, results
        self._model = Path(setting.model).stem
        self._client = triton.InferenceServerClient(setting.endpoint)
        self._input = ImageInput.of(io)
        self._outputs = [triton.InferRequestedOutput(tensor.name) for tensor in io.outputs]
        self._free = threading.Semaphore(ON_THE_WAY)
        self._publisher = graph.advertise(
            f'/triton/{name}/detections', detection2d_array.TYPE_NAME, RELIABLE_5
        )
        self._compressed = setting.options.encoding == 'jpeg'
        kind, suffix = (compressed_image, '/compressed') if self._compressed else (image, '')
        graph.subscribe(f'/{name}/image_raw{suffix}', kind.TYPE_NAME, SENSOR_DATA, self._on_message)

    def _on_message(self, cdr: Cdr, received_ns: int) -> None:
        if not self._free.acquire(blocking=False):
            return
        if self._compressed:
            told = compressed_image.decode_compressed_image(cdr)
            pixels, encoding = rgb_of_file(told.data), 'rgb8'
        else:
            told = image.decode_image(cdr)
            pixels, encoding = told.image, told.encoding
        batch = Batch.of(1, self._input, self._decoder.card)
        batch.write(Frame('', told.stamp_ns, received_ns, pixels, encoding, told.frame_id))
        packed = self._input.pack(batch.images)
        asked = triton.InferInput(
            self._input.name, list(packed.shape), 'UINT8' if packed.dtype == 'uint8' else 'FP32'
        )
        asked.set_data_from_numpy(packed)

        def on_answer(result: Any, error: Any) -> None:
            self._free.release()
            if error is not None:
                return
            outputs = {output.name(): result.as_numpy(output.name()) for output in self._outputs}
            found = self._decoder.decode(outputs, batch.letterboxes, Thresholds.of(ModelConfig()))[
                0
            ].detections
            self._publisher.publish(
                detection2d_array.encode_detection2d_array(told.stamp_ns, told.frame_id, found)
            )
            self._results.published(self._camera, told.stamp_ns)

        self._client.async_infer(self._model, [asked], on_answer, outputs=self._outputs)


def main() -> None:
    keep_freed_memory()
    setting, results = Setting.told(), Results()
    options = setting.options
    config = GraphConfig(kind=options.graph, node_name='triton', domain_id=options.domain_id, loopback=True)
    graph = make_graph(config)
    engine = make_engine(EngineSpec(EngineConfig(kind=setting.engine), Path(setting.model), 1))
    engine.load()
    io = engine.io
    engine.close()
    decoder = make_decoder(ModelConfig(), io)
    clients = [Client(camera, setting, graph, decoder, io, results) for camera in range(options.streams)]
    results.ready()
    results.wait_for_end()
    del clients
    os._exit(0)


if __name__ == '__main__':
    main()
