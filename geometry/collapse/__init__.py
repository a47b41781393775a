"""Collapse of one set: how much of its space it fills, how its directions lie, how hollow, how large, how repeated."""
