"""What the report's figures draw is what the metric's results say, missing scores and ties included."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")

from alignbench_auroc import diagnose
from hypothesis import given
from hypothesis import strategies as st
from reports import sample_data

from alignbench_tools.reporting.against import Against
from alignbench_tools.reporting.figures import (
    calibration,
    domains,
    ensembles,
    hallucination_types,
    histograms,
    position,
    roc,
    second_benchmark,
    self_preference,
    wording,
)
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.figures.style import panels, rules
from alignbench_tools.reporting.inputs import Entry


@pytest.fixture(scope="module")
def data():
    return sample_data()


def probabilities(data, seed, signal=1.0):
    noise = np.random.default_rng(seed).normal(size=len(data.sentences))
    return 1 / (1 + np.exp(-noise - signal * (data.sentences.labels == 1)))


def entry(data, name, scores, missing="drop", captioners=None, own=()):
    """As the report makes it: the result is of the captioners that the scores are of."""
    captioners = captioners or data.captioners
    rows = data.rows_of(captioners)
    aligned = np.full(len(data.sentences), np.nan)
    aligned[rows] = scores[rows]
    result = diagnose(aligned[rows], data.sentences_of(captioners), missing=missing)
    return Entry(name, Path(f"{name}.jsonl"), {"detector": name}, result, aligned, own=tuple(own))


def with_gaps(scores, every=4):
    scores = scores.copy()
    scores[::every] = np.nan
    return scores


def figure(module, *entries, data=None, second=None):
    with rules():
        drawn = module.draw(Material(sorted(entries, key=lambda each: -each.result["auroc"]), data, second))
    assert not isinstance(drawn, str), drawn
    return drawn


def area(line):
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def curves(drawn, name):
    """{panel's title: the curve of that detector}"""
    return {
        panel.get_title(): line
        for panel in drawn.canvas.axes
        for line in panel.get_lines()
        if line.get_label() == name
    }


@pytest.mark.parametrize("missing", ["drop", "worst"])
@pytest.mark.parametrize("form", [lambda scores: scores, lambda scores: np.round(10 * scores)])
def test_the_area_under_a_curve_is_the_auroc_also_with_missing_scores_and_ties(data, missing, form):
    each = entry(data, "gappy", with_gaps(form(probabilities(data, 1))), missing)
    drawn = curves(figure(roc, each, data=data), "gappy")
    assert len(drawn) == len(data.captioners)
    for captioner, line in drawn.items():
        assert area(line) == pytest.approx(each.result["captioners"][captioner]["auroc"], abs=0.004)


def test_captioners_that_a_detector_did_not_score_are_no_misses(data):
    some = data.captioners[:2]
    each = entry(data, "partial", with_gaps(probabilities(data, 1)), "worst", some)
    assert list(curves(figure(roc, each, data=data), "partial")) == some


def test_every_column_of_panels_has_its_scale():
    with rules():
        canvas, axes = panels(6, 4, 2, sharex=True)
        canvas.draw_without_rendering()
    scales = [any(label.get_visible() for label in each.get_xticklabels()) for each in axes]
    assert scales == [False, False, True, True, True, True]


@pytest.mark.parametrize(("value", "told"), [(0.0, "±0.0"), (-0.04, "±0.0"), (-1.26, "−1.3"), (2, "+2.0")])
def test_a_gain_is_told_with_its_sign(value, told):
    assert wording.signed(value, 1) == told


def test_the_key_names_every_detector_though_one_lacks_the_first_captioner(data):
    best = entry(data, "late", probabilities(data, 1, 9), captioners=data.captioners[1:])
    drawn = figure(roc, best, entry(data, "whole", probabilities(data, 2)), data=data)
    assert [text.get_text() for text in drawn.canvas.legends[0].get_texts()] == ["late", "whole"]


@pytest.mark.parametrize("missing", ["drop", "worst"])
@pytest.mark.parametrize("decimals", [1, 2, 8])
def test_the_gaps_of_the_calibration_curve_are_the_calibration_error(data, missing, decimals):
    each = entry(data, "a", with_gaps(np.round(probabilities(data, 3), decimals)), missing)
    mean, share, number = calibration.bins(*Material([each], data).of_captioner(each))
    gap = float((np.abs(mean - share) * number).sum() / number.sum())
    assert gap == pytest.approx(each.result["pooled"]["ece"], abs=1e-12)
    line = figure(calibration, each, data=data).canvas.axes[0].get_lines()[1]
    np.testing.assert_array_equal(line.get_xydata(), np.stack((mean, share), axis=1))


def test_calibration_shows_detectors_with_probabilities_though_better_ones_have_none(data):
    better = [entry(data, f"100 {seed}", 100 * probabilities(data, seed, 3)) for seed in range(4)]
    drawn = figure(calibration, *better, entry(data, "p", probabilities(data, 9, 0)), data=data)
    assert "p is off it by" in drawn.sentence
    assert "1 of 5 detectors, the best of those that have the data for it" in drawn.sentence


steps = st.tuples(
    st.integers(-5, 5), st.sampled_from([1, 0.01, 0.1, 1 / 3, 5]), st.integers(1, 500), st.integers(1, 400)
)


@given(steps)
def test_each_bin_holds_as_many_possible_scores_as_any_other(drawn):
    start, step, first, number = drawn
    possible = start + step * np.arange(first, first + number + 1)
    counts = np.histogram(possible, histograms.edges(possible))[0]
    assert counts.sum() == len(possible)
    assert len(counts) <= histograms.BINS
    assert len(set(counts[:-1])) <= 1
    assert counts[-1] <= counts[0]


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60))
def test_every_score_is_in_a_bin(values):
    scores = np.array(values)
    assert np.histogram(scores, histograms.edges(scores))[0].sum() == len(scores)


@pytest.mark.parametrize("values", [[], [0.3], [1e20] * 3, [1e16, 1e16 + 2], [0.0, 5e-324]])
def test_scores_that_leave_no_room_for_bins_are_drawn_all_the_same(values):
    scores = np.array(values, float)
    assert np.histogram(scores, histograms.edges(scores))[0].sum() == len(scores)


def test_histograms_tell_whose_median_is_higher(data):
    seeing, blind = probabilities(data, 1, 3), -probabilities(data, 2, 3)
    for scores, told in ((seeing, "higher with 1 of 1"), (blind, "higher with 0 of 1")):
        assert told in figure(histograms, entry(data, "a", scores), data=data).sentence
    both = figure(histograms, entry(data, "a", seeing), entry(data, "b", blind), data=data)
    assert "higher with 1 of 2" in both.sentence


def test_position_counts_slopes_of_correct_and_incorrect_apart(data):
    place = np.asarray(data.sentences.position)
    wrong = data.sentences.labels == 0
    falling = probabilities(data, 1) - np.where(wrong, 0.5, -0.5) * place
    drawn = figure(position, entry(data, "a", falling))
    assert "correct ones score lower with 0 of 1 and incorrect ones with 1 of 1" in drawn.sentence


def test_a_single_type_or_domain_is_not_called_hardest_and_easiest():
    assert wording.extremes({"Text": 0.812}) == "Text alone has one (81.2)"
    assert wording.extremes({"Text": 0.5, "Number": 0.5}) == "all have the same (50.0)"
    assert wording.extremes({"a": 0.6, "b": 0.4}) == "b is the hardest (40.0) and a the easiest (60.0)"


@pytest.mark.parametrize(
    ("shown", "total", "told"),
    [
        ("a", "a", "the detector"),
        ("ab", "ab", "all 2 detectors"),
        ("ab", "abc", "the best 2 of 3 detectors"),
        ("a", "abc", "the best of 3"),
        ("bc", "abc", "2 of 3 detectors, the best of those that have the data for it"),
    ],
)
def test_a_figure_says_which_detectors_it_shows(shown, total, told):
    assert wording.among(shown, total) == told


def test_a_planted_hard_type_and_domain_are_named(data):
    kinds = data.table["hallucination_types"].to_pylist()
    scores = 2.0 * (data.sentences.labels == 1) + 0.1 * probabilities(data, 1)
    scores += np.array([3.0 * (2 in each) for each in kinds])
    drawn = figure(hallucination_types, entry(data, "a", scores))
    assert "Number is the hardest" in drawn.sentence
    assert drawn.canvas.axes[0].get_yticklabels()[0].get_text() == "Number"
    domain = np.array(data.table["domain"].to_pylist(), dtype=object)
    hardest = domain[0]
    scores = np.where(domain == hardest, -1.0, 1.0) * (data.sentences.labels == 1)
    assert f"{hardest} is the hardest (0.0)" in figure(domains, entry(data, "a", scores)).sentence


def test_a_framed_cell_without_auroc_is_not_counted(data):
    rows = np.flatnonzero((data.captioner != data.captioners[0]) | (data.sentences.labels == 1))
    scores = np.full(len(data.sentences), np.nan)
    scores[rows] = probabilities(data, 1)[rows]
    drawn = figure(self_preference, entry(data, "a", scores, own=data.captioners[:2]))
    assert "of 1 framed cells" in drawn.sentence
    assert "nan" not in drawn.sentence + drawn.alt
    assert drawn.canvas.axes[0].texts[0].get_text() == "–"


def test_ensembles_with_missing_scores_say_how_many_sentences_they_are_on(data):
    one, other = entry(data, "a", with_gaps(probabilities(data, 1))), entry(data, "b", probabilities(data, 2))
    number = int((data.sentences.known & ~np.isnan(one.scores)).sum())
    assert (
        f"on the {number} sentences that all have scored" in figure(ensembles, one, other, data=data).sentence
    )
    assert "sentences that all" not in figure(ensembles, other, replaced(other, "c"), data=data).sentence


def replaced(each, name):
    return Entry(name, each.path, each.header, each.result, each.scores)


def test_a_pair_that_gains_nothing_is_drawn_as_such(data):
    each = entry(data, "a", probabilities(data, 1))
    drawn = figure(ensembles, each, replaced(each, "b"), data=data)
    assert "0 of 1 pairs gain" in drawn.sentence
    assert [line.get_marker() for line in drawn.canvas.axes[0].get_lines()] == ["None", "o", "s"]
    assert [text.get_text() for text in drawn.canvas.legends[0].get_texts()] == [
        "the better one alone",
        "the two together, not better",
    ]


def test_the_scatter_shows_n_and_matches_runs_by_their_detector(data):
    runs = [
        Entry(
            f"{name} (p-yes)", Path("x"), {"detector": name}, entry(data, name, probabilities(data, k)).result
        )
        for k, name in enumerate("abcd")
    ]
    second = Against("S", {"a": -1.0, "b": 2.0, "c": 4.0})
    drawn = figure(second_benchmark, *runs, second=second)
    assert "n = 3" in drawn.canvas.axes[0].get_title(loc="left")
    assert "for the 3 of 4 detectors" in drawn.sentence
    assert "a (p-yes) −1 and" in drawn.alt
    constant = figure(second_benchmark, *runs, second=Against("S", dict.fromkeys("abc", 1.0)))
    assert "a correlation is not defined" in constant.sentence


NAMES = ["_private_", "a\x00\x07b", "<b>&amp;</b>", "$\\frac{1}{2}$ %s {x}", "\ud800 العربية 検出器"]


@pytest.mark.parametrize(
    "module",
    [roc, position, self_preference, hallucination_types, domains, histograms, calibration, ensembles],
)
def test_no_name_breaks_a_figure(data, module):
    entries = [
        entry(data, name, probabilities(data, seed), own=data.captioners[:1])
        for seed, name in enumerate(NAMES[1:])
    ]
    drawn = figure(module, *entries, data=data)
    texts = "\n".join(ElementTree.fromstring(drawn.svg.encode()).itertext())
    assert "<b>" in texts
    (drawn.sentence + drawn.alt).encode()
    assert "\x00" not in drawn.sentence + drawn.alt


def test_no_setting_of_the_user_shows(data):
    each = entry(data, "a", probabilities(data, 1))
    plain = figure(domains, each).svg
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert figure(domains, each).svg == plain


def test_every_letter_is_at_least_eight_points(data):
    entries = [entry(data, name, probabilities(data, seed)) for seed, name in enumerate("abcde")]
    for module in (roc, position, hallucination_types, domains, histograms, calibration, ensembles):
        drawn = figure(module, *entries, data=data)
        sizes = [text.get_fontsize() for text in drawn.canvas.findobj(matplotlib.text.Text)]
        assert min(sizes) >= 8
        assert drawn.canvas.get_size_inches()[0] == 7
