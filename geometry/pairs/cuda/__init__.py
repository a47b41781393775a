"""The pass over pairs by the kernels of `kernels/`: a device that launches them, and the host that decides between."""
