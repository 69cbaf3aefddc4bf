"""Data-parallel training on a few cores, with one thread and one copy of the network per core.

Each thread runs a whole step on its own part of the batch. If instead the operations of one step were divided
between the cores, each step would wait for the slowest core hundreds of times. On a busy machine, that was 3
to 15 times slower (measured on 2 cores at a load of 4).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from training.losses import Losses

LossFunction = Callable[[nn.Module, int], Losses]


class Replicas:
    """Copies of a network that compute gradients in parallel. Copy 0 is the network itself.

    Each copy has its own batch statistics, as usual. Those of copy 0 are saved.
    """

    def __init__(self, network: nn.Module, count: int):
        self.networks = [network, *(copy.deepcopy(network) for _ in range(count - 1))]
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    def step(self, loss_of: LossFunction) -> list[Losses]:
        """Compute the mean gradient of `loss_of(copy, number).total()` into `.grad` of the network."""
        results = list(
            self._pool.map(lambda number: self._backward(number, loss_of), range(len(self.networks)))
        )
        self._reduce()
        return results

    def spread(self) -> None:
        """Copy the weights of the network to all copies, after the step of the optimiser."""
        with torch.no_grad():
            for others in self._parameters():
                for other in others[1:]:
                    other.copy_(others[0])

    def _backward(self, number: int, loss_of: LossFunction) -> Losses:
        network = self.networks[number]
        network.zero_grad(set_to_none=True)
        result = loss_of(network, number)
        result.total().backward()
        return Losses(*(value.detach() for value in result))

    def _reduce(self) -> None:
        for others in self._parameters():
            gradients = [other.grad for other in others]
            for gradient in gradients[1:]:
                gradients[0].add_(gradient)
            gradients[0].div_(len(gradients))

    def _parameters(self) -> Iterator[tuple[nn.Parameter, ...]]:
        return zip(*(network.parameters() for network in self.networks), strict=True)
