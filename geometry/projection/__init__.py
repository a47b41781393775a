"""Views of all generations in one frame: radius-preserving, shared PCA, pooled UMAP; how true each is; their nulls."""

from geometry.projection.alignment import ALIGNMENTS, aligned
from geometry.projection.views import VIEWS, project, project_with_null

__all__ = ["ALIGNMENTS", "VIEWS", "aligned", "project", "project_with_null"]
