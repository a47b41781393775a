"""The pass over all pairs on a CPU: tile products in 16 bits where the processor has them, and exact ranking."""
