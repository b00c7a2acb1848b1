"""Names beside the points of a scatter plot, off each other as far as there is room."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from alignbench_tools.reporting.figures.labels import width

SIZE = 8
# Where a name may stand: to the right, left, above, below, at the corners; farther off with a line.
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
DISTANCES = (5.0, 11.0, 18.0, 26.0, 36.0)
LINED = 11.0
ANCHORS = {1: "left", 0: "center", -1: "right"}, {1: "bottom", 0: "center", -1: "top"}


def annotate(
    canvas: Canvas, panel: Axes, points: Sequence[tuple[float, float]], names: Sequence[str]
) -> None:
    """Write `names` beside `points` (in data units): each at the first place that is free, else where it
    covers least."""
    canvas.draw_without_rendering()
    marks = panel.transData.transform(points) * 72 / canvas.dpi
    frame = np.asarray(panel.bbox.extents) * 72 / canvas.dpi
    taken = [np.array((x - 3, y - 3, x + 3, y + 3)) for x, y in marks]
    for point, (x, y), name in zip(points, marks, names, strict=True):
        size = (72 * width(name, SIZE), 1.1 * SIZE)
        choices = [
            (_box(x, y, size, side, distance), side, distance) for distance, side in product(DISTANCES, SIDES)
        ]
        box, side, distance = min(choices, key=lambda choice: _covered(choice[0], taken, frame))
        taken.append(box)
        line = {"arrowstyle": "-", "linewidth": 0.5, "color": "#767676", "shrinkA": 0, "shrinkB": 2}
        text = panel.annotate(
            name,
            point,
            xytext=(side[0] * distance, side[1] * distance),
            textcoords="offset points",
            ha=ANCHORS[0][side[0]],
            va=ANCHORS[1][side[1]],
            fontsize=SIZE,
            arrowprops=line if distance >= LINED else None,
        )
        # The places were found in this layout, which the names must not change.
        text.set_in_layout(False)


def _box(x: float, y: float, size: tuple[float, float], side: tuple[int, int], distance: float) -> np.ndarray:
    """Left, bottom, right and top of a text of that size, in points."""
    low = [
        at + sign * distance - extent * (1 - sign) / 2
        for at, sign, extent in zip((x, y), side, size, strict=True)
    ]
    return np.array((*low, low[0] + size[0], low[1] + size[1]))


def _covered(box: np.ndarray, taken: Sequence[np.ndarray], frame: np.ndarray) -> float:
    """The area of `box` that is on what stands there or beyond the frame."""
    others = np.array(taken)
    overlap = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    inside = np.clip(np.minimum(box[2:], frame[2:]) - np.maximum(box[:2], frame[:2]), 0, None)
    area = float(np.prod(box[2:] - box[:2]))
    return float(np.clip(overlap, 0, None).prod(axis=1).sum()) + area - float(inside.prod())
