"""The inputs, outputs and metadata of a loaded network."""

from dataclasses import dataclass

_MOST_DESCRIBED = 9


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Name, dtype (as numpy names it) and shape of one tensor; -1 stands for a dynamic dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        shape = ', '.join('?' if size < 0 else str(size) for size in self.shape)
        return f'{self.name} {self.dtype} ({shape})'


@dataclass(frozen=True, slots=True)
class EngineIo:
    """Inputs and outputs of a network as its file declares them, and the metadata of the file."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: dict[str, str]

    def output(self, name: str) -> TensorInfo | None:
        """Return the output with this name; None if there is none."""
        return next((tensor for tensor in self.outputs if tensor.name == name), None)

    def describe_outputs(self) -> str:
        """Return the outputs with dtypes and shapes, for messages; at most `_MOST_DESCRIBED` of them."""
        described = [str(tensor) for tensor in self.outputs[:_MOST_DESCRIBED]]
        if (more := len(self.outputs) - _MOST_DESCRIBED) > 0:
            described.append(f'and {more} more')
        return '; '.join(described) or 'none'
