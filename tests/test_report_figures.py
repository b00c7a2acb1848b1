"""The report's figures: numbers as in the results, true sentences, safe and repeatable files."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import pytest

pytest.importorskip("matplotlib")

import alignbench_auroc
from alignbench_auroc import diagnose, roc_points
from alignbench_auroc.ensembles import ensembles
from scipy.stats import pearsonr

import alignbench
from alignbench_tools.captions import Captions
from alignbench_tools.reporting.against import Against
from alignbench_tools.reporting.data import Data
from alignbench_tools.reporting.figures import all_figures
from alignbench_tools.reporting.figures.material import Material
from alignbench_tools.reporting.inputs import Entry

SAMPLE = datasets.load_dataset("alignbench", "sample", split="test")


@pytest.fixture(scope="module")
def data():
    columns = alignbench_auroc.columns(SAMPLE)
    table = SAMPLE.with_format("arrow").remove_columns("image")[:].combine_chunks()
    sentences = alignbench_auroc.check_columns(**columns)
    return Data(table, columns, sentences, Captions(SAMPLE).data, alignbench.report(SAMPLE))


def entry(data, name, scores, own=None):
    result = diagnose(scores, data.sentences, own_captioners=own, missing="drop")
    return Entry(name, Path(f"{name}.jsonl"), {"detector": name}, result, scores, own=tuple(own or ()))


def looking(data, seed, strength=1.0):
    """Scores in [0, 1] that look: higher for correct sentences."""
    rng = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-rng.normal(size=len(data.sentences)) - strength * (data.sentences.labels == 1)))


@pytest.fixture(scope="module")
def material(data):
    entries = [entry(data, f"looker {seed}", looking(data, seed), ["atlas"]) for seed in range(5)]
    entries.sort(key=lambda each: -each.result["auroc"])
    second = Against("another", {each.name: place**2 for place, each in enumerate(entries)})
    return Material(entries, data, second)


@pytest.fixture(scope="module")
def figures(material):
    found = all_figures(material)
    assert found.left_out == []
    return {figure.name: figure for figure in found.drawn}


def lines(figure, panel=0):
    return {line.get_label(): line for line in figure.canvas.axes[panel].get_lines()}


def test_every_figure_is_drawn_and_described(figures):
    assert list(figures) == [
        "roc",
        "position",
        "self_preference",
        "types",
        "domains",
        "histograms",
        "calibration",
        "ensembles",
        "second_benchmark",
    ]
    for figure in figures.values():
        assert figure.sentence.endswith(".")
        assert len(figure.alt) > 40
        assert "nan" not in figure.sentence + figure.alt


def test_roc_curves_pass_through_the_metrics_points_and_keep_their_area(figures, material):
    best = material.entries[0]
    panel = next(axes for axes in figures["roc"].canvas.axes if axes.get_title() == "birch")
    drawn = next(line for line in panel.get_lines() if line.get_label() == best.name)
    scores, labels = material.of_captioner(best, "birch")
    x, y, _ = roc_points(scores, labels)
    assert {tuple(point) for point in drawn.get_xydata()} <= set(zip(x, y, strict=True))
    area = np.trapezoid(drawn.get_ydata(), drawn.get_xdata()) if hasattr(np, "trapezoid") else None
    assert area is None or area == pytest.approx(best.result["captioners"]["birch"]["auroc"], abs=0.005)


@pytest.mark.parametrize("field", ["correct", "incorrect"])
def test_position_shows_the_results_means(figures, material, field):
    means = material.entries[0].result["position"]["mean"]
    drawn = lines(figures["position"])[field]
    np.testing.assert_array_equal(drawn.get_ydata(), [cell[f"score_{field}"] for cell in means.values()])


def test_the_matrix_shows_each_auroc_over_the_mean_and_frames_own_captioners(figures, material):
    panel = figures["self_preference"].canvas.axes[0]
    names = [label.get_text() for label in panel.get_xticklabels()]
    (image,) = panel.get_images()
    for row, each in enumerate(material.entries):
        expected = [each.result["captioners"][name]["auroc"] / each.result["auroc"] for name in names]
        np.testing.assert_allclose(image.get_array()[row], expected)
    frames = [patch for patch in panel.patches if patch.get_linewidth() > 1]
    assert {round(frame.get_x() + 0.47) for frame in frames} == {names.index("atlas")}
    assert len(frames) == 5
    below = sum(
        each.result["captioners"]["atlas"]["auroc"] < each.result["auroc"] for each in material.entries
    )
    assert f"{below} of 5 framed cells are below 1" in figures["self_preference"].sentence


@pytest.mark.parametrize(("name", "part"), [("types", "types"), ("domains", "domain")])
def test_types_and_domains_show_the_results_aurocs(figures, material, name, part):
    panel = figures[name].canvas.axes[0]
    kinds = [label.get_text() for label in panel.get_yticklabels()]
    for each in material.entries[:4]:
        expected = [100 * each.result[part]["mean"][kind]["auroc"] for kind in kinds]
        np.testing.assert_array_equal(lines(figures[name])[each.name].get_xdata(), expected)
    averages = [
        np.nanmean([each.result[part]["mean"][kind]["auroc"] for each in material.entries[:4]])
        for kind in kinds
    ]
    assert averages == sorted(averages)
    assert figures[name].sentence.index(kinds[0]) < figures[name].sentence.index(f"{kinds[-1]} the easiest")


def test_histograms_hold_every_scored_sentence(figures, material):
    for panel in figures["histograms"].canvas.axes:
        for patch in panel.patches:
            assert patch.get_data().values.sum() == pytest.approx(100)


def test_calibration_names_the_detector_with_the_least_error(figures, material):
    errors = {each.name: each.result["pooled"]["ece"] for each in material.entries[:4]}
    best = min(errors, key=errors.__getitem__)
    assert f"{best} is nearest" in figures["calibration"].sentence
    assert f"{errors[best]:.3f}" in figures["calibration"].sentence


def test_ensembles_show_the_metrics_gains(figures, material, data):
    known = data.sentences.known
    scores = {each.name: each.scores[known] for each in material.entries[:4]}
    found = ensembles(scores, data.sentences.labels[known], data.captioner[known], method="zscore")
    gained = sum(pair.mean_gain > 0 for pair in found)
    assert f"{gained} of 6 pairs gain" in figures["ensembles"].sentence
    for pair in found:
        assert f"{' + '.join(pair.detectors)} {100 * pair.mean:.1f} ({100 * pair.mean_gain:+.1f})".replace(
            "-", "−"
        ) in (figures["ensembles"].alt.replace("-", "−"))


def test_the_scatter_gives_pearsons_r(figures, material):
    x = [material.second.numbers[each.name] for each in material.entries]
    r = pearsonr(x, [each.result["auroc"] for each in material.entries]).statistic
    assert f"r = {r:.2f}".replace("-", "−") in figures["second_benchmark"].sentence
    assert "5 of 5 detectors" in figures["second_benchmark"].sentence


def test_svg_is_well_formed_small_and_asks_for_nothing(figures):
    for figure in figures.values():
        root = ElementTree.fromstring(figure.svg)
        assert root.tag.endswith("svg")
        links = re.findall(r'(?:href|src)="([^"]*)"', figure.svg) + re.findall(r"url\(([^)]*)\)", figure.svg)
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
        assert "<script" not in figure.svg
        assert len(figure.svg) < 300_000


def test_the_same_numbers_give_the_same_bytes(figures, material, tmp_path):
    again = {figure.name: figure for figure in all_figures(material).drawn}
    assert {name: figure.svg for name, figure in again.items()} == {
        name: figure.svg for name, figure in figures.items()
    }
    for folder, drawn in (("one", figures["types"]), ("two", again["types"])):
        (tmp_path / folder).mkdir()
        drawn.save(tmp_path / folder)
    for name in ("types.svg", "types.pdf"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["types.pdf", "types.svg"]


HOSTILE = ["<script>alert(1)</script>", "$x_{1}$", 'a & b "c" 検出器', "x" * 300]


def test_names_are_shown_as_they_are_and_never_run(data):
    entries = [entry(data, name, looking(data, seed)) for seed, name in enumerate(HOSTILE)]
    for figure in all_figures(Material(entries, data)).drawn:
        texts = "".join(ElementTree.fromstring(figure.svg).itertext())
        assert "<script" not in figure.svg
        if figure.name in ("roc", "domains"):
            assert all(shown in texts for shown in HOSTILE[:3])


def reasons(material):
    return dict(all_figures(material).left_out)


def test_what_cannot_be_drawn_says_why(data):
    alone = Material([entry(data, "a", 100 * looking(data, 1))], data)
    said = reasons(alone)
    assert "at least two detectors" in said["Ensembles of two"]
    assert "--own DETECTOR=CAPTIONER" in said["Self-preference"]
    assert "scores in [0, 1]" in said["Calibration"]
    saved = Material([replace(alone.entries[0], scores=None)], None, Against("x", {"b": 1.0}))
    said = reasons(saved)
    assert "saved results" in said["ROC per captioner"]
    assert said["Against a second benchmark"] == "0 of the detectors have a number in x, and it takes 3"


def test_a_captioner_without_incorrect_sentences_is_left_out_of_the_curves(data):
    rows = np.flatnonzero((data.captioner != "dune") | (data.sentences.labels == 1))
    few = replace(data, sentences=data.sentences.take(rows), table=data.table.take(rows))
    found = all_figures(Material([entry(few, "a", looking(few, 1))], few))
    roc = next(figure for figure in found.drawn if figure.name == "roc")
    assert [axes.get_title() for axes in roc.canvas.axes] == ["atlas", "birch", "cedar"]


def test_missing_scores_are_left_out_of_every_figure(data):
    scores = looking(data, 1)
    scores[::3] = np.nan
    found = all_figures(Material([entry(data, "a", scores), entry(data, "b", looking(data, 2))], data))
    assert {figure.name for figure in found.drawn} >= {"roc", "histograms", "calibration", "ensembles"}


def test_a_planted_fall_with_the_position_is_told_and_its_absence_too(data):
    position = np.asarray(data.sentences.position)
    falling = entry(data, "a", looking(data, 1) - position.astype(float))
    level = entry(data, "b", looking(data, 1) + position)
    for each, number in ((falling, 1), (level, 0)):
        figure = next(f for f in all_figures(Material([each], data)).drawn if f.name == "position")
        assert f"correct ones score lower with {number} of 1" in figure.sentence
