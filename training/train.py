"""`python -m training.train`: train the network on the images of training.dataset, and write a checkpoint."""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.batches import make_batch
from training.dataset import Dataset
from training.losses import Losses, losses
from training.network import SurroundNet
from training.replicas import Replicas
from training.schedule import Schedule

AVERAGE_DECAY = 0.998
WEIGHT_DECAY = 0.01
MAX_GRADIENT_NORM = 20.0


class Training:
    """A training run that gives the same result if it is stopped and resumed from its checkpoint."""

    def __init__(self, dataset: Dataset, schedule: Schedule, batch_size: int, workers: int, seed: int):
        torch.manual_seed(seed)
        self.dataset, self.schedule, self.batch_size, self.seed = dataset, schedule, batch_size, seed
        self.network = SurroundNet()
        self.average = copy.deepcopy(self.network).eval()
        self.replicas = Replicas(self.network, workers)
        self.optimizer = make_optimizer(self.network)
        self.done = 0

    def step(self) -> Losses:
        """Run one step on `batch_size` images per worker. Return the mean losses over the workers."""
        for group in self.optimizer.param_groups:
            group['lr'] = self.schedule.rate(self.done)
        parts = self.replicas.step(self._losses)
        nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.replicas.spread()
        self.done += 1
        self._update_average()
        return Losses(*(torch.stack(values).mean() for values in zip(*parts, strict=True)))

    def save(self, path: Path) -> None:
        state = {
            'done': self.done,
            'network': self.network.state_dict(),
            'average': self.average.state_dict(),
            'optimizer': self.optimizer.state_dict(),
        }
        torch.save(state, path.with_suffix('.partial'))
        path.with_suffix('.partial').replace(path)

    def resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.done = state['done']
        self.network.load_state_dict(state['network'])
        for replica in self.replicas.networks[1:]:
            replica.load_state_dict(state['network'])
        self.average.load_state_dict(state['average'])
        self.optimizer.load_state_dict(state['optimizer'])

    def _losses(self, network: nn.Module, worker: int) -> Losses:
        batch = make_batch(self.dataset, *self._draw(worker))
        with torch.autocast('cpu', torch.bfloat16):
            raw = network(batch.images)
        return losses(raw, batch)

    def _draw(self, worker: int) -> tuple[np.ndarray, np.random.Generator]:
        """Return the images of a worker for this step. The number of an epoch determines its permutation."""
        workers = len(self.replicas.networks)
        first = (self.done * workers + worker) * self.batch_size
        epoch, offset = divmod(first, len(self.dataset) - len(self.dataset) % (self.batch_size * workers))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))
        return order[offset : offset + self.batch_size], np.random.default_rng([self.seed, self.done, worker])

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(AVERAGE_DECAY, (1 + self.done) / (20 + self.done))
        for mean, value in zip(_tensors(self.average), _tensors(self.network), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def make_optimizer(network: nn.Module) -> torch.optim.Optimizer:
    """Return AdamW without weight decay for biases and normalisation."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{'params': matrices, 'weight_decay': WEIGHT_DECAY}, {'params': vectors, 'weight_decay': 0.0}]
    return torch.optim.AdamW(groups, fused=True)


def _tensors(network: nn.Module) -> list[Tensor]:
    return list(network.state_dict().values())


def run(training: Training, out: Path, every: int) -> None:
    """Train until the end of the schedule.

    After every `every` steps, print the progress as a line of JSON and save a checkpoint.
    """
    checkpoint, log = out / 'checkpoint.pt', out / 'train.jsonl'
    sums, since, started = np.zeros(len(Losses._fields)), 0, time.perf_counter()
    while training.done < training.schedule.steps:
        sums += [float(value) for value in training.step()]
        since += 1
        if training.done % every and training.done < training.schedule.steps:
            continue
        row = {
            'step': training.done,
            'wall_s': round(time.perf_counter() - started, 1),
            'cpu_s': round(time.process_time(), 1),
            **dict(zip(Losses._fields, np.round(sums / since, 4).tolist(), strict=True)),
        }
        print(json.dumps(row), flush=True)
        with log.open('a') as lines:
            lines.write(json.dumps(row) + '\n')
        training.save(checkpoint)
        sums, since = np.zeros(len(Losses._fields)), 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--data', type=Path, default=Path('training/out/train'), help='folder of training.dataset'
    )
    parser.add_argument('--out', type=Path, default=Path('training/out'), help='folder of checkpoint.pt')
    parser.add_argument(
        '--steps', type=int, default=6500, help='number of steps, each with --workers * --batch images'
    )
    parser.add_argument(
        '--decay-steps', type=int, default=1500, help='number of steps at the end, with a falling rate'
    )
    parser.add_argument('--warmup-steps', type=int, default=300)
    parser.add_argument('--rate', type=float, default=4e-3, help='learning rate of the constant phase')
    parser.add_argument('--batch', type=int, default=16, help='images per worker and step')
    parser.add_argument(
        '--workers', type=int, default=2, help='number of threads; it changes the result, not only the speed'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--every', type=int, default=100, help='steps between checkpoints')
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    schedule = Schedule(options.rate, options.steps, options.warmup_steps, options.decay_steps)
    training = Training(Dataset(options.data), schedule, options.batch, options.workers, options.seed)
    if (options.out / 'checkpoint.pt').exists():
        training.resume(options.out / 'checkpoint.pt')
    run(training, options.out, options.every)


if __name__ == '__main__':
    main()
