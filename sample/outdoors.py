"""The outdoor scenes of the sample."""

from itertools import pairwise

from canvas import HEIGHT, WIDTH, Canvas, arc


def cloud(c: Canvas, x: float, y: float, size: float, fill: str = "#ffffff") -> None:
    for dx, dy, r in ((-1.1, 0.2, 0.7), (-0.3, -0.2, 0.9), (0.6, 0, 0.8), (1.3, 0.3, 0.55)):
        c.circle(x + dx * size, y + dy * size, r * size, fill)
    c.rounded(x - 1.8 * size, y + 0.1 * size, 3.65 * size, 0.8 * size, 0.4 * size, fill)


def tree(c: Canvas, x: float, y: float, size: float, leaves: str = "#4f9a58") -> None:
    """A round tree that stands at (x, y)."""
    c.rect(x - 0.12 * size, y - 0.7 * size, 0.24 * size, 0.7 * size, "#7a553a")
    for dx, dy, r in ((-0.35, -0.85, 0.42), (0.35, -0.85, 0.42), (0, -1.2, 0.48)):
        c.circle(x + dx * size, y + dy * size, r * size, leaves)


def pine(c: Canvas, x: float, y: float, size: float) -> None:
    """A fir tree that stands at (x, y)."""
    c.rect(x - 0.08 * size, y - 0.2 * size, 0.16 * size, 0.2 * size, "#6b4a33")
    for level, half in ((0.15, 0.42), (0.5, 0.34), (0.85, 0.24)):
        base = y - level * size
        c.polygon([(x - half * size, base), (x + half * size, base), (x, base - 0.6 * size)], "#2f6f52")


def boat(c: Canvas, x: float, y: float, size: float, hull: str, sail: str) -> None:
    """A sailing boat whose bow points to the left."""
    c.line([(x, y), (x, y - 1.9 * size)], "#5c4433", 0.08 * size)
    c.polygon(
        [
            (x - 0.1 * size, y - 1.8 * size),
            (x - 0.1 * size, y - 0.2 * size),
            (x - 0.95 * size, y - 0.2 * size),
        ],
        sail,
    )
    c.polygon(
        [
            (x + 0.1 * size, y - 1.6 * size),
            (x + 0.1 * size, y - 0.2 * size),
            (x + 0.7 * size, y - 0.2 * size),
        ],
        sail,
    )
    c.polygon(
        [
            (x - 1.4 * size, y - 0.05 * size),
            (x + 0.9 * size, y),
            (x + 0.8 * size, y + 0.4 * size),
            (x - 0.7 * size, y + 0.4 * size),
        ],
        hull,
    )


def harbour(c: Canvas) -> None:
    c.gradient(0, 150, "#a9d8f0", "#eef7fa")
    c.circle(68, 56, 25, "#ffd25a")
    c.gradient(150, HEIGHT, "#4f9fc0", "#255f86")
    for x, y in ((30, 205), (90, 262), (170, 240), (235, 195), (215, 275), (20, 248)):
        c.line([(x, y), (x + 26, y)], "#86c1d9", 2)
    c.polygon([(262, 196), (280, 160), (318, 150), (384, 158), (384, 236), (300, 226)], "#8b7d6b")
    c.polygon([(262, 196), (300, 226), (384, 236), (384, 250), (296, 238)], "#6d6154")
    edges = [(300 + 14 * step / 100, 334 - 14 * step / 100) for step in (0, 20, 40, 60, 80, 100)]
    for stripe, ((l0, r0), (l1, r1)) in enumerate(pairwise(edges)):
        top, bottom = 156 - 18 * (stripe + 1), 156 - 18 * stripe
        c.polygon([(l0, bottom), (r0, bottom), (r1, top), (l1, top)], "#fbfaf5" if stripe % 2 else "#cf3f3a")
    c.rect(309, 62, 16, -14, "#ffe48a")
    c.rect(305, 62, 24, 5, "#3b4350")
    c.polygon([(305, 48), (329, 48), (317, 36)], "#3b4350")
    boat(c, 112, 204, 42, "#8a4b32", "#fdfbf3")
    boat(c, 214, 182, 24, "#2c4f91", "#f2994a")
    for x, y in ((150, 60), (184, 44), (206, 72)):
        c.line([(x - 11, y - 5), (x, y), (x + 11, y - 5)], "#47525e", 2.2)


def street(c: Canvas) -> None:
    c.gradient(0, 230, "#b8dcef", "#eaf4f6")
    c.rect(70, 30, 250, 200, "#c98d6b")
    for row in range(10):
        for brick in range(7):
            c.rect(74 + brick * 36 + (row % 2) * 14, 36 + row * 19, 16, 6, "#be7f5e")
    c.rect(70, 22, 250, 10, "#8c5a41")
    c.rounded(118, 42, 154, 34, 5, "#2f4858")
    c.text(195, 50, "BAKERY", 18, "#ffe9b8")
    for stripe in range(10):
        x = 84 + stripe * 13
        c.polygon(
            [(x, 92), (x + 13, 92), (x + 11, 118), (x - 2, 118)], "#3f8f63" if stripe % 2 == 0 else "#fdfaf1"
        )
    c.rect(86, 124, 124, 74, "#5a3d2b")
    c.rect(91, 129, 114, 64, "#f7e3b5")
    for x in (110, 148, 186):
        c.ellipse(x, 180, 16, 10, "#b9772f")
        for dx in (-6, 0, 6):
            c.line([(x + dx - 2, 183), (x + dx + 2, 175)], "#e0a860", 2)
    c.rect(238, 108, 58, 122, "#5a3d2b")
    c.rect(243, 113, 48, 117, "#356a8a")
    c.circle(284, 178, 3, "#f2cf63")
    c.rounded(248, 132, 38, 20, 3, "#fdfaf1")
    c.text(267, 138, "OPEN", 8, "#b03a34")
    c.rect(0, 228, WIDTH, 26, "#cfc8bd")
    c.rect(0, 252, WIDTH, 36, "#6a6f77")
    for x in (20, 110, 200, 290):
        c.rect(x, 268, 46, 4, "#f4f1e6")
    c.line([(30, 236), (30, 72)], "#38424d", 5)
    c.polygon([(18, 72), (42, 72), (37, 50), (23, 50)], "#ffe7a0")
    c.polygon([(16, 50), (44, 50), (30, 38)], "#38424d")
    c.rounded(48, 186, 26, 50, 8, "#c8322f")
    c.rect(53, 198, 16, 3, "#5d1715")
    c.line([(350, 236), (350, 110)], "#7b8087", 4)
    c.rounded(324, 100, 54, 28, 4, "#2563a8")
    c.rect(332, 111, 26, 6, "#ffffff")
    c.polygon([(356, 105), (356, 123), (371, 114)], "#ffffff")


def sheep(c: Canvas, x: float, y: float) -> None:
    """A sheep that faces left."""
    for dx in (-12, -5, 9, 15):
        c.rect(x + dx, y + 8, 4, 16, "#3a3a3d")
    for dx, dy in ((-14, 0), (-6, -8), (5, -9), (14, -3), (12, 6), (0, 8), (-10, 7), (0, 0)):
        c.circle(x + dx, y + dy, 9, "#f6f3ea")
    c.ellipse(x - 24, y - 5, 8, 7, "#3a3a3d")
    c.ellipse(x - 16, y - 11, 5, 2.5, "#3a3a3d")
    c.circle(x - 27, y - 7, 1.4, "#ffffff")


def farm(c: Canvas) -> None:
    c.gradient(0, 152, "#9fd3ee", "#e6f4f4")
    cloud(c, 250, 46, 16)
    c.polygon([(0, 150), (120, 118), (260, 140), (384, 112), (384, 288), (0, 288)], "#9cc977")
    c.rect(0, 200, WIDTH, 88, "#7fb75e")
    c.polygon([(30, 110), (80, 66), (130, 110)], "#6b3029")
    c.rect(34, 108, 92, 82, "#b5443a")
    c.rect(58, 136, 44, 54, "#f3ede0")
    c.line([(60, 138), (100, 188)], "#b5443a", 4)
    c.line([(100, 138), (60, 188)], "#b5443a", 4)
    c.circle(80, 98, 9, "#f3ede0")
    tree(c, 342, 176, 56)
    for x in range(146, 320, 28):
        c.rect(x, 156, 5, 34, "#e9dfca")
    for y in (163, 176):
        c.rect(140, y, 172, 4, "#e9dfca")
    cow(c)
    sheep(c, 262, 226)
    sheep(c, 334, 246)


def cow(c: Canvas) -> None:
    """A cow at the lower left, facing right."""
    for x in (92, 106, 152, 166):
        c.rect(x, 236, 8, 34, "#f2efe8")
        c.rect(x, 264, 8, 6, "#3f3a38")
    c.rounded(84, 200, 98, 48, 20, "#f2efe8")
    c.ellipse(112, 214, 16, 12, "#2f2c2c")
    c.ellipse(150, 232, 18, 11, "#2f2c2c")
    c.ellipse(160, 208, 10, 7, "#2f2c2c")
    c.line([(86, 212), (76, 226), (78, 244)], "#2f2c2c", 3)
    c.rounded(174, 188, 36, 28, 11, "#f2efe8")
    c.ellipse(206, 208, 11, 9, "#e7a9a4")
    c.polygon([(180, 192), (168, 184), (178, 182)], "#2f2c2c")
    c.line([(186, 190), (188, 180)], "#cbb894", 4)
    c.circle(194, 198, 2.6, "#2f2c2c")


def park(c: Canvas) -> None:
    c.gradient(0, 130, "#b5def2", "#edf7f3")
    c.rect(0, 128, WIDTH, 160, "#8cc474")
    c.polygon([(0, 244), (384, 214), (384, 258), (0, 288)], "#e3d2ac")
    tree(c, 62, 190, 92)
    c.rect(96, 166, 84, 6, "#9a6a3f")
    c.rect(96, 178, 84, 6, "#9a6a3f")
    c.rect(92, 194, 92, 7, "#8a5c36")
    for x in (98, 172):
        c.rect(x, 166, 5, 52, "#4a4f55")
    c.ellipse(312, 166, 62, 24, "#6db6d8")
    for x, y in ((286, 160), (322, 172), (344, 156)):
        c.ellipse(x, y, 11, 6, "#fbf7ea")
        c.circle(x - 9, y - 7, 5, "#fbf7ea")
        c.polygon([(x - 13, y - 8), (x - 13, y - 5), (x - 19, y - 6)], "#e88b2d")
    woman(c)
    c.ellipse(150, 246, 17, 8, "#8a5a34")
    c.circle(170, 236, 8, "#8a5a34")
    c.ellipse(177, 239, 5, 3.4, "#6f4526")
    c.polygon([(165, 230), (161, 240), (167, 238)], "#6f4526")
    c.circle(172, 234, 1.4, "#1d1512")
    for x in (137, 144, 157, 162):
        c.line([(x, 250), (x, 262)], "#8a5a34", 4)
    c.line([(134, 243), (124, 232)], "#8a5a34", 4)


def woman(c: Canvas) -> None:
    """A woman with an open umbrella, walking to the right."""
    c.line([(226, 232), (222, 258)], "#e7b995", 5)
    c.line([(238, 232), (246, 256)], "#e7b995", 5)
    c.ellipse(225, 259, 7, 3, "#33363c")
    c.ellipse(249, 257, 7, 3, "#33363c")
    c.polygon([(224, 182), (242, 182), (256, 236), (212, 236)], "#cf3d45")
    c.ellipse(230, 166, 12, 15, "#5a3825")
    c.circle(235, 168, 11, "#e7b995")
    c.circle(241, 166, 1.5, "#2d211a")
    c.line([(236, 190), (258, 196)], "#cf3d45", 7)
    c.line([(260, 202), (260, 124)], "#50545a", 3)
    c.sector(256, 138, 56, 34, 180, 360, "#2f6fb3")
    for x in (219, 256, 293):
        c.sector(x, 138, 18.7, 8, 180, 360, "#26598f")
    c.circle(260, 198, 4, "#e7b995")


def balloon(c: Canvas, x: float, y: float, size: float, colours: tuple[str, ...]) -> None:
    """A hot-air balloon; its colours alternate from left to right."""
    for side in (-0.55, 0.55):
        c.line(
            [(x + side * size * 0.6, y + 0.8 * size), (x + side * size * 0.4, y + 1.45 * size)],
            "#6b5a49",
            1.2,
        )
    c.polygon(
        [(x - 0.8 * size, y + 0.6 * size), (x + 0.8 * size, y + 0.6 * size), (x, y + 1.3 * size)], colours[0]
    )
    for step, share in enumerate((1.0, 0.62, 0.24)):
        c.ellipse(x, y, size * share, size, colours[step % len(colours)])
    c.rounded(x - 0.28 * size, y + 1.4 * size, 0.56 * size, 0.36 * size, 0.08 * size, "#8c5d33")


def balloons(c: Canvas) -> None:
    c.gradient(0, 222, "#8fc9ec", "#fde9cf")
    c.circle(318, 190, 34, "#ffcf6b")
    c.polygon([(0, 206), (80, 176), (190, 214), (300, 186), (384, 208), (384, 288), (0, 288)], "#8fbf6f")
    c.polygon([(0, 246), (130, 222), (270, 250), (384, 230), (384, 288), (0, 288)], "#6aa657")
    c.polygon([(214, 288), (252, 262), (216, 244), (226, 238), (276, 260), (262, 288)], "#6fb5da")
    balloon(c, 104, 92, 56, ("#d64541", "#f6c445"))
    balloon(c, 226, 66, 32, ("#3f7fbf", "#f5f2e8"))
    balloon(c, 310, 106, 26, ("#4da167",))
    balloon(c, 216, 156, 18, ("#8e5bb5",))


def wheel(c: Canvas, x: float, y: float, radius: float) -> None:
    c.circle(x, y, radius, "#2d3036")
    c.circle(x, y, radius * 0.48, "#c4c8cc")


def crossing(c: Canvas) -> None:
    c.gradient(0, 150, "#bcdff0", "#eef6f5")
    for x, height, fill in (
        (0, 70, "#b9a99a"),
        (52, 96, "#a8b5bd"),
        (110, 60, "#c7b299"),
        (250, 84, "#a9a5b4"),
    ):
        c.rect(x, 150 - height, 56, height, fill)
        for window in range(3):
            c.rect(x + 8 + window * 16, 160 - height, 9, 14, "#f5efd9")
    tree(c, 208, 152, 52)
    c.rect(0, 148, WIDTH, 18, "#d3ccc1")
    c.rect(0, 164, WIDTH, 124, "#686d76")
    for row in range(6):
        c.rect(24, 172 + row * 19, 62, 10, "#f3f1ea")
    c.rounded(196, 134, 116, 88, 8, "#fafaf7")
    c.polygon([(200, 140), (222, 140), (222, 172), (196, 172)], "#9fc6dc")
    c.text(268, 158, "FRESH", 12, "#1f6f8b")
    c.text(268, 178, "FISH", 12, "#1f6f8b")
    wheel(c, 222, 222, 14)
    wheel(c, 288, 222, 14)
    car(c)
    c.rect(345, 92, 6, 140, "#3c4148")
    c.rounded(332, 34, 32, 78, 6, "#2b2f35")
    for y, fill in ((50, "#ff4a3d"), (73, "#5d5230"), (96, "#2f5138")):
        c.circle(348, y, 9, fill)


def car(c: Canvas) -> None:
    """A yellow car in front of the zebra crossing, facing left."""
    c.polygon([(130, 218), (146, 192), (188, 192), (208, 218)], "#e9b824")
    c.polygon([(138, 217), (150, 198), (166, 198), (166, 217)], "#bfe0ee")
    c.polygon([(171, 217), (171, 198), (184, 198), (197, 217)], "#bfe0ee")
    c.rounded(104, 214, 120, 32, 10, "#f2c230")
    c.circle(110, 226, 5, "#fff6d5")
    c.rect(218, 220, 6, 10, "#c23b32")
    wheel(c, 132, 246, 13)
    wheel(c, 196, 246, 13)


def snow(c: Canvas) -> None:
    c.gradient(0, 198, "#8eabcd", "#d3e0ee")
    c.polygon([(0, 196), (130, 178), (260, 196), (384, 180), (384, 288), (0, 288)], "#eaf1f8")
    pine(c, 52, 216, 96)
    pine(c, 110, 198, 66)
    c.polygon([(276, 140), (376, 140), (326, 98)], "#f2f6fa")
    c.rect(286, 138, 80, 66, "#8c5b3c")
    for y in (150, 163, 176, 189):
        c.line([(287, y), (365, y)], "#7a4d31", 1.5)
    c.rect(346, 92, 12, 32, "#8b8178")
    for x, y, r in ((354, 78, 6), (348, 62, 8), (356, 44, 10)):
        c.circle(x, y, r, "#eef1f4")
    c.rect(298, 152, 22, 20, "#ffd978")
    c.rect(334, 158, 20, 46, "#5e3a25")
    c.ellipse(204, 268, 46, 9, "#d3dfec")
    c.circle(204, 230, 38, "#fdfdfe")
    c.circle(204, 178, 28, "#ffffff")
    c.circle(204, 138, 20, "#fdfefe")
    c.rounded(184, 151, 40, 9, 4, "#c93c3c")
    c.polygon([(214, 156), (224, 156), (230, 188), (219, 188)], "#c93c3c")
    c.rect(180, 119, 48, 6, "#2c2f36")
    c.rect(189, 92, 30, 28, "#2c2f36")
    for x in (196, 208):
        c.circle(x, 134, 2.4, "#2c2f36")
    c.polygon([(203, 138), (203, 145), (176, 143)], "#ef8a32")
    for y in (172, 184, 196):
        c.circle(200, y, 2.8, "#2c2f36")
    for start, end in (((180, 176), (150, 154)), ((229, 176), (260, 160))):
        c.line([start, end], "#6f4d35", 4)
    for x, y in (
        (20, 40),
        (70, 70),
        (128, 30),
        (160, 92),
        (240, 46),
        (268, 92),
        (300, 30),
        (24, 110),
        (140, 128),
    ):
        c.circle(x, y, 3, "#ffffff")


def night(c: Canvas) -> None:
    c.gradient(0, 228, "#141d3c", "#3d4a78")
    c.polygon(arc(306, 58, 32, 32, -110, 110) + arc(295, 58, 14, 30, 90, -90), "#fbf0c4")
    for x, y in ((180, 40), (216, 92), (250, 30), (350, 118), (206, 140)):
        points = []
        for tip in range(8):
            points += arc(x, y, *((7, 7) if tip % 2 == 0 else (2.4, 2.4)), 45 * tip, 45 * tip)[:1]
        c.polygon(points, "#fdf6d8")
    c.polygon([(0, 226), (140, 206), (384, 222), (384, 288), (0, 288)], "#24383a")
    c.rect(20, 0, 34, 240, "#3a2b26")
    c.line([(50, 158), (150, 148)], "#3a2b26", 10)
    owl(c)
    c.polygon([(250, 256), (310, 178), (370, 256)], "#e08a3c")
    c.polygon([(310, 178), (296, 256), (324, 256)], "#ffd98a")
    for x, rotation in ((206, 8), (206, -8)):
        c.line([(x - 18, 262 + rotation / 2), (x + 18, 262 - rotation / 2)], "#6b4a34", 6)
    c.polygon([(190, 258), (206, 216), (222, 258)], "#f2782f")
    c.polygon([(197, 258), (206, 232), (215, 258)], "#ffd45e")


def owl(c: Canvas) -> None:
    """An owl on the branch, looking at the viewer."""
    c.ellipse(102, 118, 24, 32, "#9a6b45")
    c.ellipse(102, 128, 15, 20, "#d8b38a")
    c.polygon([(82, 96), (84, 76), (98, 90)], "#9a6b45")
    c.polygon([(122, 96), (120, 76), (106, 90)], "#9a6b45")
    for x in (92, 112):
        c.circle(x, 102, 9, "#fff3cf")
        c.circle(x, 102, 4.4, "#1d1a1a")
    c.polygon([(98, 108), (106, 108), (102, 117)], "#e9a13b")
    for x in (94, 110):
        c.line([(x, 147), (x, 152)], "#e9a13b", 5)


SCENES = (harbour, street, farm, park, balloons, crossing, snow, night)
