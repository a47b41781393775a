"""Views of all generations in one frame: radius-preserving, shared PCA, pooled UMAP; and how true each is."""

from geometry.projection.views import VIEWS, project

__all__ = ["VIEWS", "project"]
