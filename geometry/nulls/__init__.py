"""Null draws, the two structure gauges that are measured against them, and the resampled null of a comparison."""
