"""Intrinsic dimension: estimators that read neighbour distances, pair counts or the spectrum."""
