"""TensorRT 10, TensorRT 11 and TensorRT for RTX: building, caching and running plans."""
