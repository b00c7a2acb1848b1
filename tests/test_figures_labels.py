"""Labels of the report's figures: they fit, are told apart, and hold what XML can hold."""

import string
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("matplotlib")

from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from alignbench_tools.reporting.figures import beside, labels, style

LONG = "meta-llama/Llama-3.2-90B-Vision-Instruct-Turbo (p-yes)"


def measured(text, size):
    """The width in inches that matplotlib gives a line of text."""
    with style.rules():
        canvas = Canvas(figsize=(20, 2), dpi=400)
        drawn = canvas.text(0, 0.5, text, fontsize=size)
        canvas.draw_without_rendering()
        return drawn.get_window_extent().width / canvas.dpi


@pytest.mark.parametrize("text", [LONG, "iiiiii WWWWWW", string.ascii_letters, "Qwen-2.5-32B"])
@pytest.mark.parametrize("size", [8, 9])
def test_a_width_is_what_matplotlib_draws(text, size):
    assert labels.width(text, size) == pytest.approx(measured(text, size), rel=0.03)


def test_a_script_that_the_font_lacks_counts_a_full_square_each():
    assert labels.width("検出器", 72) == 3


@given(st.text(max_size=80), st.floats(0.5, 3), st.sampled_from([8, 9]))
@settings(deadline=None, max_examples=60)
def test_a_label_fits_its_room_and_is_whole_where_it_can_be(name, inches, size):
    shown = labels.cut(name, inches, size)
    assert labels.width(shown, size) <= inches
    if labels.width(labels.clean(name), size) <= inches:
        assert shown == labels.clean(name)
    else:
        assert "…" in shown


def test_a_cut_keeps_both_ends():
    shown = labels.cut(LONG, 1.5)
    assert shown.startswith("meta-llama/")
    assert shown.endswith("yes)")


def test_a_title_breaks_after_signs_and_loses_nothing_that_fits():
    assert labels.wrapped("Llama-4-400B (score-100)", 1) == "Llama-4-400B\n(score-100)"
    rows = labels.wrapped(LONG, 1.6, 9).split("\n")
    assert len(rows) == 2
    assert all(labels.width(row, 9) <= 1.6 for row in rows)


def test_names_that_would_look_the_same_get_their_places():
    names = ["a" * 60 + "b" * 40, "a" * 61 + "b" * 39, "c"]
    shown = labels.distinct(names, lambda name: labels.cut(name, 1))
    assert [label[:2] for label in shown] == ["1.", "2.", "c"]
    assert len(set(shown)) == 3


@pytest.mark.parametrize("name", ["a\x00b", "a\x1bb", "a\ud800b", "a\ufffeb", "a\tb\nc"])
def test_what_xml_cannot_hold_is_replaced(name):
    ElementTree.fromstring(f"<text>{labels.clean(name)}</text>".encode())


def test_a_key_shows_names_that_begin_with_an_underscore():
    canvas = Canvas()
    labels.legend(canvas, [Line2D([], []), Line2D([], [])], ["_private", "public"], 7)
    assert [text.get_text() for text in canvas.legends[0].get_texts()] == ["_private", "public"]


@pytest.mark.parametrize("length", [5, 20, 30, 45, 200])
def test_a_key_stays_on_the_page(length):
    with style.rules():
        canvas, _ = style.panels(1, 1, 3)
        names = [letter * length for letter in "wxyz"]
        labels.legend(canvas, [Line2D([], []) for _ in names], names, style.WIDTH)
        canvas.draw_without_rendering()
        box = canvas.legends[0].get_window_extent()
    assert 0 <= box.x0
    assert box.x1 <= style.WIDTH * canvas.dpi


def test_names_beside_points_stand_off_each_other():
    points = [(x, (x * 7) % 5) for x in range(25)]
    with style.rules():
        canvas, (panel,) = style.panels(1, 1, 4.8)
        panel.plot(*zip(*points, strict=True), "o")
        panel.margins(0.12)
        beside.annotate(canvas, panel, points, [f"detector {place}" for place in range(25)])
        canvas.draw_without_rendering()
        boxes = [text.get_window_extent().shrunk(0.98, 0.9) for text in panel.texts]
    assert len(boxes) == 25
    for place, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:place]) == 0
        assert canvas.bbox.containsx(box.x0)
        assert canvas.bbox.containsx(box.x1)
