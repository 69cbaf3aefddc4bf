"""A simulated robot on a graph, as `stream_infer simulate` runs it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import cv2

from stream_infer_ros.config import WorldConfig
from stream_infer_ros.errors import WorldError
from stream_infer_ros.graph.graph import Graph
from stream_infer_ros.process_memory import freeze_garbage_collector
from stream_infer_ros.simulation.clocks import SteadyWait
from stream_infer_ros.simulation.exposure_encoder import ExposureEncoder
from stream_infer_ros.simulation.pacing import PaceReport, publish_on_time
from stream_infer_ros.simulation.publisher import WorldPublisher
from stream_infer_ros.simulation.render_process import RenderProcesses
from stream_infer_ros.simulation.rig import SimCamera, surround_rig, with_uneven_sensors
from stream_infer_ros.simulation.schedule import Timing, schedule
from stream_infer_ros.simulation.world import World

# Four seconds at 10 Hz (220 MB), so that no image is late when the machine is slow for a moment.
_FRAMES_AHEAD_PER_CAMERA = 40
# Six cameras at 10 Hz take 0.4 to 0.7 of a core, which one busy core may not have left.
_RENDERERS = 2


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """The options of a simulation. Processes with equal options and epoch simulate the same world.

    Attributes:
        seed: of the world, the sensors and the timing of the cameras.
        cameras: number of cameras, 1 to 12.
        width, height: image size, pixels.
        timing: rate, phases, jitter, failures.
        duration_s: duration in world time; 0: until stopped.
        speed_m_s: speed of the robot.
        jpeg_quality: 1 to 100 publishes jpeg, 0 raw rgb8.
        with_clock: publish /clock.
        size_m: size of the yard.
        namespace: of the topics of the cameras.

    Raises:
        WorldError: a value is out of range.
    """

    seed: int = 1
    cameras: int = 6
    width: int = 640
    height: int = 480
    timing: Timing = field(default_factory=Timing)
    duration_s: float = 0.0
    speed_m_s: float = 1.0
    jpeg_quality: int = 0
    with_clock: bool = False
    size_m: float = 40.0
    namespace: str = '/'

    def __post_init__(self) -> None:
        if not 0 <= self.jpeg_quality <= 100:
            raise WorldError(
                f'expected a JPEG quality of 1 to 100, or 0 for raw images, got {self.jpeg_quality}'
            )
        if not self.duration_s >= 0:
            raise WorldError(f'expected a duration of 0 s (without end) or more, got {self.duration_s}')
        silent = [w.camera for w in self.timing.dead if not 0 <= w.camera < self.cameras]
        if silent:
            raise WorldError(f'expected dead windows for cameras 0 to {self.cameras - 1}, got {silent}')

    @property
    def ticks(self) -> int | None:
        """Number of images of each camera, including dropped ones; None without end."""
        return round(self.duration_s * self.timing.rate_hz) if self.duration_s else None

    def world(self) -> World:
        return World(self.seed, self.size_m)

    def rig(self) -> tuple[SimCamera, ...]:
        """Return cameras with slightly different sensors, as on a real robot."""
        return with_uneven_sensors(surround_rig(self.cameras, self.width, self.height), self.seed)

    def encoder(self, epoch_ns: int) -> ExposureEncoder:
        """Return the encoder of a world that begins at this stamp."""
        return ExposureEncoder(self.world(), self.rig(), epoch_ns, self.speed_m_s, self.jpeg_quality)


def options_of(config: WorldConfig, namespace: str = '/') -> SimulationOptions:
    """Return the world that a configuration describes, with the topics of its cameras in `namespace`."""
    return SimulationOptions(
        seed=config.seed,
        cameras=config.cameras,
        width=config.width,
        height=config.height,
        timing=Timing(config.rate, config.phase_ms, config.jitter_ms, config.drop),
        duration_s=config.seconds,
        speed_m_s=config.speed,
        jpeg_quality=config.jpeg,
        with_clock=config.clock,
        namespace=namespace,
    )


def simulate(
    graph: Graph,
    options: SimulationOptions,
    epoch_ns: int,
    should_stop: Callable[[], bool] = lambda: False,
    wait_until: Callable[[int], None] | None = None,
    apart: bool = False,
) -> PaceReport:
    """Publish the world on `graph` until its duration is over or `should_stop()` returns True.

    Args:
        graph: stays the caller's. The stamps are times of its clock.
        epoch_ns: stamp at which the world begins. The first image is due one period later. Building the world
            takes up to a second.
        wait_until: returns when the clock of the graph shows at least this time, nanoseconds; None: see
            SteadyWait.
        apart: render in other processes with low priority, for a world in real time beside a pipeline on the
            same machine.
    """
    cv2.setNumThreads(1)
    elsewhere = RenderProcesses(partial(options.encoder, epoch_ns), _RENDERERS) if apart else nullcontext()
    with elsewhere as renderers:
        publisher = WorldPublisher(
            graph,
            options.world(),
            options.rig(),
            epoch_ns,
            options.speed_m_s,
            options.jpeg_quality,
            options.with_clock,
            options.namespace,
            renderers,
        )
        freeze_garbage_collector()
        exposures = schedule(options.cameras, options.seed, epoch_ns, options.timing, options.ticks)
        return publish_on_time(
            publisher,
            graph.now_ns,
            wait_until or SteadyWait(graph.now_ns),
            exposures,
            should_stop,
            ahead=_FRAMES_AHEAD_PER_CAMERA * options.cameras,
            patience_ns=options.timing.period_ns // 2,
            workers=_RENDERERS if apart else 1,
        )
