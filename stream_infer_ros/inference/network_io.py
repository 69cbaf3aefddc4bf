"""What a loaded network says about itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Name, dtype (as numpy names it) and shape of one tensor; -1 stands for a free dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        shape = ', '.join('?' if size < 0 else str(size) for size in self.shape)
        return f'{self.name} {self.dtype} ({shape})'


@dataclass(frozen=True, slots=True)
class EngineIo:
    """Inputs and outputs of a network as its file declares them, and the file's metadata."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: dict[str, str]

    def output(self, name: str) -> TensorInfo | None:
        """The output of that name, if there is one."""
        return next((tensor for tensor in self.outputs if tensor.name == name), None)
