"""Which rows, labels and training groups carry the structure, and which were lost."""
