"""TensorRT, in three flavours: building plans, keeping them, running them."""
