"""The indoor scenes of the sample and its chart."""

from math import cos, pi, sin

from canvas import HEIGHT, WIDTH, Canvas, arc


def jar(c: Canvas, x: float, label: str, lid: str, content: str) -> None:
    """A labelled jar, centred on `x`, on the upper shelf."""
    c.rounded(x - 30, 50, 60, 82, 8, "#dfeaee")
    c.rounded(x - 26, 70, 52, 58, 6, content)
    c.rounded(x - 27, 38, 54, 14, 4, lid)
    c.rounded(x - 25, 84, 50, 24, 3, "#fffdf6")
    c.text(x, 91, label, 10, "#3b3a38")


def kitchen_shelf(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#f4ead7")
    for row in range(6):
        for column in range(8):
            c.rect(3 + column * 48, 3 + row * 48, 44, 44, "#f8f1e3")
    for y in (132, 246):
        c.rect(12, y, 360, 12, "#a8744a")
        c.rect(12, y + 12, 360, 4, "#835636")
    jar(c, 62, "TEA", "#3f8f63", "#6d5a3c")
    jar(c, 148, "RICE", "#2f6fb3", "#f3efe2")
    jar(c, 234, "SALT", "#c8322f", "#fcfcfc")
    jar(c, 320, "OATS", "#e2b22f", "#d9b98a")
    c.line([(92, 206), (66, 196), (56, 180)], "#c8442f", 10)
    c.line([(156, 196), (176, 200), (174, 220), (154, 230)], "#c8442f", 7)
    c.ellipse(122, 214, 40, 32, "#c8442f")
    c.ellipse(122, 184, 20, 6, "#a93623")
    c.circle(122, 176, 6, "#a93623")
    for x in (216, 262):
        c.line([(x + 16, 222), (x + 25, 224), (x + 24, 236), (x + 14, 238)], "#3f7fbf", 4)
        c.polygon([(x - 18, 216), (x + 18, 216), (x + 13, 246), (x - 13, 246)], "#3f7fbf")
        c.ellipse(x, 216, 18, 4, "#2d6299")
    for y in (242, 236, 230):
        c.ellipse(330, y, 34, 5, "#b9c4c9")
        c.ellipse(330, y - 2, 34, 5, "#fdfdfb")


def apple(c: Canvas, x: float, y: float) -> None:
    c.circle(x, y, 19, "#d23b34")
    c.circle(x - 7, y - 7, 5, "#e8746a")
    c.line([(x, y - 17), (x + 3, y - 25)], "#6a4529", 3)


def fruit_table(c: Canvas) -> None:
    c.gradient(0, 150, "#dfe9e4", "#eef3ee")
    c.rect(0, 148, WIDTH, 140, "#b67d4e")
    for y in (176, 214, 256):
        c.rect(0, y, WIDTH, 2, "#a56f43")
    c.rounded(300, 92, 44, 88, 6, "#cfe4ee")
    c.rounded(304, 124, 36, 52, 5, "#8fc7e3")
    c.ellipse(196, 206, 92, 12, "#996538")
    c.polygon(pear_outline(212, 124), "#9cbf4a")
    c.line([(212, 96), (218, 86)], "#6a4529", 3)
    apple(c, 160, 138)
    apple(c, 196, 142)
    apple(c, 240, 138)
    c.sector(200, 146, 84, 58, 0, 180, "#3a6ea8")
    c.rect(116, 142, 168, 8, "#4f86c2")
    c.polygon(arc(78, 206, 54, 42, 15, 150) + arc(76, 192, 50, 32, 150, 15), "#f4cf3f")
    c.line([(126, 204), (131, 196)], "#7a5a2b", 5)
    c.rounded(284, 240, 74, 12, 5, "#3f3330")
    c.polygon([(286, 240), (286, 252), (208, 252), (184, 246), (200, 240)], "#d5dbde")


def pear_outline(x: float, y: float) -> list[tuple[float, float]]:
    """A pear whose narrow end is up."""
    return [*arc(x, y + 12, 20, 20, -30, 210), *arc(x, y - 14, 11, 14, 180, 360)]


def clock_wall(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#dfe8dc")
    for x in range(0, WIDTH, 32):
        c.rect(x, 0, 14, HEIGHT, "#d6e1d3")
    c.rect(0, 240, WIDTH, 48, "#b98b5e")
    c.rect(0, 236, WIDTH, 6, "#fbfaf4")
    c.circle(206, 96, 74, "#5f3f2a")
    c.circle(206, 96, 65, "#fffdf5")
    for hour in range(12):
        if hour % 3:
            dx, dy = sin(hour * pi / 6), -cos(hour * pi / 6)
            c.line([(206 + 54 * dx, 96 + 54 * dy), (206 + 60 * dx, 96 + 60 * dy)], "#4b4a48", 2.4)
    for x, y, text in ((206, 36, "12"), (260, 90, "3"), (206, 142, "6"), (153, 90, "9")):
        c.text(x, y, text, 13, "#33322f", 1.1)
    c.line([(206, 96), (206, 56)], "#2b2a28", 3.6)
    c.line([(206, 96), (206 + 30 * sin(4 * pi / 6), 96 - 30 * cos(4 * pi / 6))], "#2b2a28", 5.4)
    c.circle(206, 96, 5, "#b5443a")
    c.rect(34, 60, 74, 96, "#fdfdf9")
    c.rect(34, 60, 74, 28, "#c8442f")
    c.text(71, 68, "MAY", 13, "#ffffff", 1.1)
    c.text(71, 104, "12", 34, "#35373b", 1)
    c.rect(284, 204, 84, 8, "#7a4f32")
    for x in (290, 354):
        c.rect(x, 212, 8, 62, "#6b4329")
    for x, y, fill in ((304, 120, "#d84a6b"), (326, 106, "#f0b429"), (348, 122, "#d84a6b")):
        c.line([(326, 170), (x, y + 10)], "#4d8a4a", 3)
        c.polygon(
            [
                (x - 10, y - 10),
                (x - 4, y - 3),
                (x, y - 12),
                (x + 4, y - 3),
                (x + 10, y - 10),
                (x + 8, y + 8),
                (x - 8, y + 8),
            ],
            fill,
        )
    c.polygon([(312, 160), (340, 160), (348, 204), (304, 204)], "#4f86c2")


def fish(c: Canvas, x: float, y: float, size: float, fill: str, way: int) -> None:
    """A fish that swims to the left (`way` -1) or to the right (1)."""
    c.polygon(
        [
            (x - way * 0.7 * size, y),
            (x - way * 1.5 * size, y - 0.6 * size),
            (x - way * 1.5 * size, y + 0.6 * size),
        ],
        fill,
    )
    c.ellipse(x, y, size, 0.62 * size, fill)
    c.circle(x + way * 0.5 * size, y - 0.12 * size, 0.17 * size, "#ffffff")
    c.circle(x + way * 0.54 * size, y - 0.12 * size, 0.09 * size, "#20242a")


def aquarium(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#e9dfd0")
    c.rect(0, 256, WIDTH, 32, "#8a6042")
    c.rounded(22, 24, 340, 236, 8, "#4a5560")
    c.rect(30, 34, 324, 218, "#d9eef5")
    c.rect(30, 52, 324, 200, "#7cc4e0")
    c.rect(30, 222, 324, 30, "#e3cd97")
    for x, height in ((58, 96), (76, 66), (94, 84)):
        points = [(x + (5 if step % 2 else -5), 226 - height * step / 6) for step in range(7)]
        c.line(points, "#3f9a5d", 6)
    castle(c)
    for x, y, radius in ((306, 122, 5), (298, 98, 7), (308, 70, 9)):
        c.circle(x, y, radius, "#d3f0fa")
        c.circle(x, y, radius - 2, "#9ad5ea")
    for x, y in ((132, 92), (196, 126), (150, 170)):
        fish(c, x, y, 21, "#f08a2c", -1)
    fish(c, 244, 84, 26, "#2f55a5", 1)
    points = []
    for tip in range(10):
        points += arc(180, 236, *((14, 14) if tip % 2 == 0 else (6, 6)), 36 * tip - 90, 36 * tip - 90)[:1]
    c.polygon(points, "#c8372f")


def castle(c: Canvas) -> None:
    """The aquarium's grey castle with two towers."""
    c.rect(270, 174, 70, 56, "#9a9da3")
    for x in (262, 322):
        c.rect(x, 152, 26, 78, "#868a91")
        for notch in range(3):
            c.rect(x + notch * 10, 144, 6, 9, "#868a91")
    c.rect(294, 200, 22, 30, "#4d5258")
    c.sector(305, 200, 11, 11, 180, 360, "#4d5258")


def chart(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#fcfcfa")
    c.text(200, 18, "ICE CREAM SALES", 17, "#2d3238", 1)
    for tick in range(6):
        y = 236 - tick * 34
        c.rect(52, y, 312, 1.5, "#d7dbdf")
        c.text(34, y - 5, str(tick * 10), 10, "#5a6169", 1)
    for index, (day, value) in enumerate((("MON", 20), ("TUE", 35), ("WED", 15), ("THU", 45), ("FRI", 30))):
        x = 70 + index * 60
        c.rect(x, 236 - value * 3.4, 38, value * 3.4, "#f0913a" if day == "THU" else "#4a86b8")
        c.text(x + 19, 248, day, 11, "#3b4148", 1)
    c.rect(52, 66, 2, 172, "#5a6169")
    c.rect(52, 236, 312, 2, "#5a6169")


def desk(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#e4e9ef")
    c.rect(0, 208, WIDTH, 80, "#b98a5c")
    c.rect(0, 208, WIDTH, 5, "#9d7248")
    c.rounded(118, 88, 150, 104, 7, "#3a3f47")
    c.rect(125, 95, 136, 88, "#9fd0e8")
    c.circle(226, 118, 11, "#ffd25a")
    c.polygon([(125, 183), (168, 126), (204, 183)], "#5e8f6b")
    c.polygon([(178, 183), (216, 140), (261, 183)], "#4a7857")
    c.polygon([(112, 192), (274, 192), (290, 216), (96, 216)], "#c3c9d0")
    c.rect(96, 216, 194, 6, "#969da6")
    c.ellipse(58, 220, 34, 8, "#2f7d5b")
    c.line([(58, 218), (34, 150), (70, 96)], "#2f7d5b", 5)
    c.polygon([(58, 82), (80, 92), (98, 128), (46, 112)], "#3a9a70")
    c.polygon([(50, 115), (95, 129), (88, 136), (56, 126)], "#ffe9a6")
    for x, top, fill in ((311, 132, "#e2b22f"), (323, 122, "#2f6fb3"), (335, 136, "#c8322f")):
        c.line([(x, 190), (x, top + 10)], fill, 6)
        c.polygon([(x - 3, top + 10), (x + 3, top + 10), (x, top)], "#e8cfa4")
    c.rounded(302, 168, 42, 56, 4, "#4b5563")
    c.line([(346, 240), (356, 242), (355, 256), (344, 260)], "#c8322f", 5)
    c.rounded(308, 232, 40, 40, 6, "#c8322f")
    c.ellipse(328, 234, 18, 5, "#5b3520")
    c.rounded(294, 24, 76, 62, 2, "#f7e17a")
    c.text(332, 36, "CALL", 12, "#4c4630", 1)
    c.text(332, 58, "MIA", 12, "#4c4630", 1)


def station(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#d7dfe5")
    c.rect(0, 0, WIDTH, 26, "#5d6a75")
    for x in (60, 200, 340):
        c.rect(x, 26, 8, 186, "#8794a0")
    c.rect(0, 196, WIDTH, 16, "#4a4f56")
    c.polygon([(18, 196), (30, 128), (66, 104), (384, 104), (384, 196)], "#2f6fb3")
    c.polygon([(24, 162), (27, 146), (384, 146), (384, 162)], "#fbfbf7")
    c.polygon([(36, 136), (68, 112), (84, 112), (84, 138)], "#cfe6f2")
    for x in (150, 196, 242, 330):
        c.rounded(x, 114, 34, 26, 4, "#cfe6f2")
    c.rect(290, 112, 30, 84, "#24588f")
    c.circle(22, 178, 5, "#fff1b8")
    c.text(116, 172, "407", 14, "#ffffff", 1.1)
    c.rect(0, 212, WIDTH, 76, "#c9c3b8")
    c.rect(0, 212, WIDTH, 7, "#f0c93c")
    for x in (98, 220):
        c.rect(x, 26, 3, 16, "#3f474f")
    c.rounded(72, 40, 176, 32, 4, "#22496f")
    c.text(160, 48, "PLATFORM 2", 16, "#ffffff", 1)
    c.rect(304, 26, 4, 14, "#3f474f")
    c.circle(306, 62, 24, "#3f474f")
    c.circle(306, 62, 20, "#fdfdf8")
    c.line([(306, 62), (306, 47)], "#22262b", 2.4)
    c.line([(306, 62), (295, 62)], "#22262b", 3.4)
    traveller(c)
    c.rounded(244, 222, 44, 48, 5, "#3b8a5a")
    c.rect(252, 222, 4, 48, "#2c6c45")
    c.rect(276, 222, 4, 48, "#2c6c45")
    c.line([(256, 222), (256, 210), (276, 210), (276, 222)], "#2b2e33", 4)


def traveller(c: Canvas) -> None:
    """A man in a yellow raincoat who faces the train's nose, to the left."""
    for x in (198, 212):
        c.rect(x, 252, 9, 22, "#34405a")
    c.ellipse(199, 275, 9, 4, "#2b2623")
    c.ellipse(213, 275, 9, 4, "#2b2623")
    c.rounded(190, 196, 38, 62, 10, "#f0c330")
    c.line([(214, 208), (218, 232)], "#d1a61f", 7)
    c.circle(208, 182, 14, "#d9a47c")
    c.circle(200, 180, 1.7, "#2b2623")
    c.sector(208, 177, 15, 14, 180, 360, "#57402f")
    c.rect(186, 175, 38, 4, "#57402f")


def living_room(c: Canvas) -> None:
    c.rect(0, 0, WIDTH, HEIGHT, "#e8d9c3")
    c.rect(0, 214, WIDTH, 74, "#a9764a")
    c.ellipse(186, 258, 140, 22, "#b5524a")
    c.ellipse(186, 258, 116, 16, "#c9746b")
    c.rect(286, 36, 80, 94, "#fdfaf2")
    c.rect(292, 42, 68, 82, "#22305c")
    c.circle(342, 66, 13, "#f8efc8")
    for x, y in ((306, 60), (316, 98), (350, 106)):
        c.circle(x, y, 1.6, "#ffffff")
    c.rect(324, 42, 4, 82, "#fdfaf2")
    c.rect(292, 81, 68, 4, "#fdfaf2")
    c.rect(134, 34, 106, 76, "#6a4a31")
    c.rect(141, 41, 92, 62, "#bfe0ee")
    c.polygon([(146, 103), (184, 54), (222, 103)], "#7d8b98")
    c.polygon([(173, 68), (184, 54), (195, 68), (184, 74)], "#ffffff")
    c.rounded(84, 136, 214, 64, 14, "#4f8a62")
    c.rounded(76, 180, 230, 46, 10, "#5a9a6e")
    for x in (66, 286):
        c.rounded(x, 162, 32, 68, 12, "#447856")
    for x in (92, 270):
        c.rect(x, 228, 10, 14, "#5c3f2a")
    for x in (124, 166):
        c.polygon([(x - 20, 150), (x + 18, 146), (x + 22, 184), (x - 16, 188)], "#f0c24a")
    cat(c)
    c.rect(33, 92, 5, 160, "#4a4745")
    c.ellipse(36, 252, 20, 5, "#4a4745")
    c.polygon([(20, 52), (52, 52), (64, 96), (8, 96)], "#ffe3a0")


def cat(c: Canvas) -> None:
    """A grey cat, asleep on the sofa, its head to the left."""
    c.ellipse(248, 176, 34, 15, "#8c9096")
    c.line([(276, 180), (286, 186), (262, 190), (236, 190)], "#757a81", 6)
    c.circle(222, 172, 12, "#8c9096")
    c.polygon([(212, 166), (212, 154), (221, 162)], "#757a81")
    c.polygon([(232, 166), (232, 154), (224, 162)], "#757a81")
    c.line([(214, 173), (218, 175), (221, 173)], "#33363a", 1.6)
    c.line([(225, 173), (228, 175), (231, 173)], "#33363a", 1.6)


SCENES = (kitchen_shelf, fruit_table, clock_wall, aquarium, chart, desk, station, living_room)
