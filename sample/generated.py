"""The pictures of the sample's make-believe generator `dune`."""

from itertools import pairwise

from canvas import HEIGHT, WIDTH, Canvas, arc
from outdoors import boat, cloud


def cube(c: Canvas, x: float, y: float, size: float, faces: tuple[str, str, str]) -> None:
    """A cube; (x, y) is the lower left corner of its front. Faces: front, top, side."""
    depth = 0.36 * size
    front, top, side = faces
    c.rect(x, y - size, size, size, front)
    c.polygon(
        [
            (x, y - size),
            (x + depth, y - size - depth),
            (x + size + depth, y - size - depth),
            (x + size, y - size),
        ],
        top,
    )
    c.polygon(
        [
            (x + size, y),
            (x + size + depth, y - depth),
            (x + size + depth, y - size - depth),
            (x + size, y - size),
        ],
        side,
    )


def blocks(c: Canvas) -> None:
    c.gradient(0, 180, "#efe9e1", "#f7f3ec")
    c.rect(0, 178, WIDTH, 110, "#d9cbb6")
    c.ellipse(214, 250, 82, 10, "#c3b297")
    cube(c, 140, 252, 84, ("#2f63ad", "#5a8bd0", "#224b86"))
    cube(c, 152, 160, 58, ("#cf3f3a", "#e8776f", "#9d2c2a"))
    c.ellipse(318, 254, 40, 7, "#c3b297")
    c.circle(318, 220, 35, "#3d9a5b")
    c.circle(306, 207, 9, "#7cc794")
    c.ellipse(70, 252, 46, 8, "#c3b297")
    c.sector(68, 248, 38, 9, 0, 180, "#e5b92c")
    c.polygon([(30, 248), (106, 248), (68, 152)], "#f2c93f")


def robot(c: Canvas) -> None:
    c.gradient(0, 232, "#cfe8e4", "#f3f8f2")
    c.polygon([(0, 230), (192, 186), (384, 230), (384, 288), (0, 288)], "#86bd74")
    for x in (164, 220):
        c.rect(x, 206, 16, 30, "#7d8893")
        c.rounded(x - 8, 234, 32, 14, 6, "#55606b")
    c.rounded(146, 126, 108, 86, 10, "#a9b4be")
    c.rounded(164, 144, 72, 40, 5, "#dfe6ea")
    for x, fill in ((182, "#d9463f"), (200, "#f0c23a"), (218, "#3f9a5d")):
        c.circle(x, 164, 6, fill)
    for x in (176, 224):
        c.line([(x, 62), (x, 38)], "#6d7883", 3)
        c.circle(x, 34, 6, "#e58a2f")
    c.rounded(154, 60, 92, 58, 10, "#b9c4cd")
    c.rect(190, 116, 20, 12, "#7d8893")
    for x in (170, 212):
        c.rect(x, 76, 18, 18, "#2f8f5a")
    c.line([(180, 106), (220, 106)], "#55606b", 4)
    c.line([(250, 146), (282, 170), (284, 200)], "#7d8893", 10)
    c.line([(150, 146), (110, 150), (98, 122)], "#7d8893", 10)
    c.rect(95, 60, 5, 92, "#7a553a")
    c.rounded(44, 28, 108, 48, 4, "#fffdf3")
    c.text(98, 42, "HELLO", 20, "#34506e", 1.1)
    for x, y in ((40, 256), (92, 268), (290, 262), (334, 250), (252, 274)):
        c.line([(x, y), (x, y + 14)], "#3f7d45", 2.4)
        c.circle(x, y, 6, "#f4f0f7")
        c.circle(x, y, 2.6, "#f0b429")


def cake(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#f6e3dc")
    c.rect(0, 222, WIDTH, 66, "#8f6a86")
    c.line([(20, 26), (192, 48), (364, 26)], "#8f6a86", 2)
    for index, letter in enumerate("HAPY DAY"):
        if letter != " ":
            x = 62 + index * 37
            y = 46 - abs(index - 3.5) * 4
            c.polygon(
                [(x - 16, y - 12), (x + 16, y - 12), (x + 16, y + 18), (x, y + 30), (x - 16, y + 18)],
                ("#3f7fbf", "#d9564a")[index % 2],
            )
            c.text(x, y - 4, letter, 16, "#ffffff", 1.1)
    c.ellipse(192, 244, 130, 17, "#cfd6da")
    c.ellipse(192, 240, 130, 17, "#fbfbf9")
    c.rounded(104, 180, 176, 60, 6, "#e88aa6")
    c.rounded(138, 132, 108, 52, 6, "#f2adc0")
    for x in range(104, 280, 22):
        c.sector(x + 11, 181, 11, 13, 0, 180, "#fdf4f0")
    for x in range(138, 246, 18):
        c.sector(x + 9, 133, 9, 11, 0, 180, "#fdf4f0")
    c.rect(104, 176, 176, 6, "#fdf4f0")
    c.rect(138, 128, 108, 6, "#fdf4f0")
    for x in (156, 180, 204, 228):
        c.rect(x - 3, 104, 6, 26, "#6fb5da")
        c.ellipse(x, 97, 4, 7, "#f6a52d")
        c.ellipse(x, 99, 2, 4, "#fff0b0")
    for x in (128, 256):
        c.circle(x, 172, 8, "#b8252f")


def rocket(c: Canvas) -> None:
    c.gradient(0, HEIGHT, "#0f1530", "#2a2450")
    for x, y in (
        (40, 40),
        (96, 92),
        (60, 210),
        (150, 30),
        (228, 60),
        (352, 140),
        (300, 236),
        (24, 132),
        (262, 190),
    ):
        c.circle(x, y, 1.8, "#fdf6dc")
    c.polygon([(172, 222), (212, 222), (192, 282)], "#f2782f")
    c.polygon([(181, 222), (203, 222), (192, 258)], "#ffd45e")
    c.polygon([(164, 172), (140, 224), (166, 216)], "#c93c3c")
    c.polygon([(220, 172), (244, 224), (218, 216)], "#c93c3c")
    c.polygon([*arc(192, 130, 28, 96, 180, 360), (218, 206), (206, 222), (178, 222), (166, 206)], "#f1f3f5")
    c.polygon([*arc(192, 84, 21, 50, 180, 360)], "#c93c3c")
    c.circle(192, 122, 14, "#4a5562")
    c.circle(192, 122, 10, "#8fd0ea")
    c.circle(192, 162, 9, "#4a5562")
    c.circle(192, 162, 6, "#8fd0ea")
    c.circle(316, 78, 32, "#d9a05b")
    for y, half in ((66, 29), (86, 31)):
        c.rounded(316 - half, y, 2 * half, 6, 3, "#c48745")
    c.polygon(arc(316, 78, 58, 12, 0, 180) + arc(316, 78, 46, 6, 180, 0), "#eadfc4")
    c.circle(70, 160, 17, "#c9ccd2")
    for x, y, radius in ((64, 154, 4), (76, 164, 5), (66, 168, 2.4)):
        c.circle(x, y, radius, "#a9adb5")


def beach(c: Canvas) -> None:
    c.gradient(0, 120, "#8fd0ee", "#e2f3f6")
    c.circle(330, 44, 22, "#ffd866")
    c.gradient(118, 182, "#3f9fc4", "#7cc6da")
    boat(c, 232, 138, 18, "#a8432f", "#fdfbf3")
    c.polygon([(0, 178), (140, 168), (384, 176), (384, 288), (0, 288)], "#ecd6a0")
    c.line([(96, 236), (110, 84)], "#7a553a", 5)
    top, right = (113, 62), (196, 122)
    edge = [(26, 108), (60, 112), (96, 116), (130, 119), (164, 121), right]
    for index, (a, b) in enumerate(pairwise(edge)):
        c.polygon([top, a, b], "#fbfaf3" if index % 2 else "#d6423c")
    c.line([(116, 250), (190, 250), (222, 208)], "#8a5c36", 5)
    c.line([(130, 262), (134, 246)], "#8a5c36", 5)
    c.line([(204, 264), (180, 244)], "#8a5c36", 5)
    c.line([(128, 244), (186, 244), (214, 208)], "#2f6fb3", 9)
    castle(c)
    c.ellipse(56, 262, 14, 9, "#d9542f")
    for way in (-1, 1):
        c.line([(56 + way * 10, 258), (56 + way * 20, 250)], "#d9542f", 3)
        c.circle(56 + way * 22, 248, 5, "#d9542f")
        c.circle(56 + way * 5, 252, 2.6, "#2d2420")


def castle(c: Canvas) -> None:
    """The sandcastle with its two towers and one flag."""
    c.rect(282, 222, 72, 42, "#cfae6c")
    for x in (272, 336):
        c.rect(x, 200, 28, 64, "#d8b977")
        for notch in range(3):
            c.rect(x + notch * 11, 192, 6, 9, "#d8b977")
    c.sector(318, 264, 11, 24, 180, 360, "#8f7443")
    c.line([(350, 194), (350, 162)], "#6b4a33", 2.4)
    c.polygon([(350, 162), (350, 178), (372, 170)], "#3f9a5d")


def whale(c: Canvas) -> None:
    c.gradient(0, 120, "#f7c9a0", "#fdeccf")
    cloud(c, 80, 40, 13, "#fffaf2")
    cloud(c, 300, 32, 11, "#fffaf2")
    c.gradient(118, HEIGHT, "#4d9fb8", "#17456b")
    c.polygon([(222, 104), (330, 104), (312, 130), (240, 130)], "#8a4b32")
    c.rect(222, 102, 108, 6, "#a8643f")
    c.line([(300, 104), (300, 62)], "#5c4433", 4)
    c.line([(300, 62), (316, 62)], "#5c4433", 3)
    c.rounded(309, 66, 14, 18, 4, "#ffd45e")
    c.line([(262, 92), (232, 146)], "#c79a63", 5)
    body = [*arc(150, 202, 104, 48, 60, 330), (300, 190), (312, 210), (262, 232)]
    c.polygon(body, "#3c6fa0")
    c.sector(138, 212, 86, 34, 20, 170, "#d8e6ee")
    c.polygon([(296, 202), (324, 160), (350, 168), (314, 214)], "#3c6fa0")
    c.polygon([(296, 200), (340, 236), (352, 214), (312, 192)], "#3c6fa0")
    c.circle(84, 198, 5, "#16232f")
    c.polygon([(150, 226), (190, 262), (186, 224)], "#2f5a85")
    for dx in (-16, 0, 16):
        c.line([(128, 154), (128 + dx * 0.6, 134), (128 + dx, 128)], "#d9f1f7", 4)


SCENES = (blocks, robot, cake, rocket, beach, whale)
