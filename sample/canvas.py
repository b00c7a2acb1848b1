"""A small drawing surface whose pixels are the same everywhere.

Every shape, letters included, is a polygon, filled at four times the size and averaged down: edges are
smooth. Pillow's polygons differ by version and its letters by FreeType's; ours are whole-number arithmetic.
"""

from itertools import pairwise
from math import cos, floor, hypot, pi, sin

from PIL import Image, ImageColor

WIDTH, HEIGHT = 384, 288
SUPERSAMPLING = 4
CURVE_STEPS = 72

Point = tuple[float, float]

# Letters as strokes on a grid 4 wide and 6 high: pairs of digits are points x, y; a blank lifts the pen.
STROKES = {
    "A": "062046 1434", "B": "06003041423303 3344453606", "C": "4130100105163645", "D": "06002042442606",
    "E": "40000646 0333", "F": "400006 0333", "G": "413010010516364543 23 4323", "H": "0006 4046 0343",
    "I": "0006", "J": "3035261605", "K": "0006 400346", "L": "000646", "M": "0600234046",
    "N": "06004640", "O": "103041453616050110", "P": "06003041423303", "Q": "103041453616050110 2446",
    "R": "06003041423303 2346", "S": "413010010213334445361605", "T": "0040 2026", "U": "000516364540",
    "V": "002640", "W": "0016233640", "X": "0046 4006", "Y": "002340 2326", "Z": "00400646",
    "0": "103041453616050110", "1": "011016", "2": "01103041420646", "3": "01103041423313 334445361605",
    "4": "36300444", "5": "400003334445361605", "6": "4130100105163645443303", "7": "004016",
    "8": "103041423313020110 1304051636454433", "9": "4313020110304145361605", " ": "", "!": "0004 06",
}  # fmt: skip


class Canvas:
    """A picture of WIDTH x HEIGHT pixels; all coordinates are in these pixels, y downwards."""

    def __init__(self, background: str) -> None:
        self._width, self._height = WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING
        self._pixels = bytearray(bytes(ImageColor.getrgb(background)) * self._width * self._height)

    def image(self) -> Image.Image:
        """The finished picture."""
        large = Image.frombytes("RGB", (self._width, self._height), bytes(self._pixels))
        return large.reduce(SUPERSAMPLING)

    def polygon(self, points: list[Point], fill: str) -> None:
        """Fill what lies inside an odd number of times, by pixel centres."""
        grid = [(to_grid(x), to_grid(y)) for x, y in points]
        crossings: dict[int, list[int]] = {}
        for (x0, y0), (x1, y1) in pairwise([*grid, grid[0]]):
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            for y in range(max(y0, 0), min(y1, self._height)):
                # The first pixel whose centre is not left of the edge, on the line through the row's centres.
                half, full = (x1 - x0) * (2 * (y - y0) + 1), 2 * (y1 - y0)
                crossings.setdefault(y, []).append(x0 - (full - 2 * half) // (2 * full))
        colour = bytes(ImageColor.getrgb(fill))
        for y, edges in crossings.items():
            edges = [min(max(x, 0), self._width) for x in sorted(edges)]
            for start, end in zip(edges[::2], edges[1::2], strict=True):
                first = 3 * (y * self._width + start)
                self._pixels[first : first + 3 * (end - start)] = colour * (end - start)

    def rect(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], fill)

    def rounded(self, x: float, y: float, width: float, height: float, radius: float, fill: str) -> None:
        """A rectangle with round corners."""
        corners = [(x + width - radius, y + height - radius), (x + radius, y + height - radius)]
        corners += [(x + radius, y + radius), (x + width - radius, y + radius)]
        points = []
        for quarter, (cx, cy) in enumerate(corners):
            points += arc(cx, cy, radius, radius, 90 * quarter, 90 * (quarter + 1))
        self.polygon(points, fill)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, fill: str) -> None:
        self.polygon(arc(cx, cy, rx, ry, 0, 360), fill)

    def circle(self, cx: float, cy: float, radius: float, fill: str) -> None:
        self.ellipse(cx, cy, radius, radius, fill)

    def sector(self, cx: float, cy: float, rx: float, ry: float, start: float, end: float, fill: str) -> None:
        """The part of an ellipse from `start` to `end` degrees (0 is right, 90 is down), cut by its chord."""
        self.polygon(arc(cx, cy, rx, ry, start, end), fill)

    def line(self, points: list[Point], fill: str, width: float) -> None:
        """A polyline with round ends and joints."""
        for (x0, y0), (x1, y1) in pairwise(points):
            length = hypot(x1 - x0, y1 - y0) or 1.0
            dx, dy = (y0 - y1) / length * width / 2, (x1 - x0) / length * width / 2
            self.polygon(
                [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)], fill
            )
        for x, y in points:
            self.circle(x, y, width / 2, fill)

    def gradient(self, top: float, bottom: float, first: str, last: str) -> None:
        """Horizontal bands over the whole width, from colour `first` at `top` to `last` at `bottom`."""
        bands = 24
        ends = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (first, last)]
        for band in range(bands):
            share = band / (bands - 1)
            mixed = [round(a + (b - a) * share) for a, b in zip(*ends, strict=True)]
            y = top + (bottom - top) * band / bands
            self.rect(0, y, WIDTH, (bottom - top) / bands, "#{:02x}{:02x}{:02x}".format(*mixed))

    def text(self, cx: float, top: float, text: str, height: float, fill: str, weight: float = 0.9) -> None:
        """`text` centred on `cx`, with capitals `height` pixels high."""
        unit = height / 6
        widths = [letter_width(letter) for letter in text]
        x = cx - (sum(widths) + 2 * (len(text) - 1)) * unit / 2
        for letter, width in zip(text, widths, strict=True):
            for stroke in STROKES[letter].split():
                pairs = [(int(stroke[i]), int(stroke[i + 1])) for i in range(0, len(stroke), 2)]
                self.line([(x + px * unit, top + py * unit) for px, py in pairs], fill, unit * weight)
            x += (width + 2) * unit


def to_grid(coordinate: float) -> int:
    """The nearest whole number of fine pixels; the bias settles ties that rounding errors would toss up."""
    return floor(coordinate * SUPERSAMPLING + 0.5 + 1e-6)


def letter_width(letter: str) -> int:
    """Width of a letter in units of its grid."""
    if letter == " ":
        return 2
    return max(int(x) for stroke in STROKES[letter].split() for x in stroke[::2])


def arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Points along an ellipse from `start` to `end` degrees, clockwise as seen."""
    steps = max(8, round(CURVE_STEPS * abs(end - start) / 360))
    angles = [(start + (end - start) * step / steps) * pi / 180 for step in range(steps + 1)]
    return [(cx + rx * cos(angle), cy + ry * sin(angle)) for angle in angles]
