"""The course's pictures: one function per kind, one style for all.

Each returns a matplotlib Figure and takes ``title=`` and ``alt=``, the picture in words for those
who cannot see it; all but `image_grid`, which fills a figure, and `sliders`, which moves one, take ``ax=``, a panel
of `panels`.
"""

from coursekit.plotting.charts import confusion_matrix, curves, loss_surface, training_curves
from coursekit.plotting.diagrams import block_diagram
from coursekit.plotting.figure import CourseFigure, animation, panels, use_style
from coursekit.plotting.interactive import sliders
from coursekit.plotting.live import LiveFigure
from coursekit.plotting.pictures import architecture, decision_regions, image_grid, network

__all__ = [
    "CourseFigure",
    "LiveFigure",
    "animation",
    "architecture",
    "block_diagram",
    "confusion_matrix",
    "curves",
    "decision_regions",
    "image_grid",
    "loss_surface",
    "network",
    "panels",
    "sliders",
    "training_curves",
    "use_style",
]
