"""PyTorch: exported programs and TorchScript, on the CPU and on GPUs."""
