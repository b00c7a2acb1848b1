"""The cluster bootstrap against the naive loop, and its intervals against scipy."""

import tracemalloc

import numpy as np
import pytest
import scipy.stats
from alignbench_auroc import bootstrap, estimates, grouped, ranking, scored, sentences, summarize
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score


def simulate(rng, images=30, captioners=3, per_cell=4, ties=1):
    """Sentences whose scores share an image effect, in random row order."""
    image = np.repeat(np.arange(images), captioners * per_cell)
    codes = np.tile(np.repeat(np.arange(captioners), per_cell), images)
    positive = rng.random(len(image)) < 0.6
    scores = np.round(rng.normal(size=images)[image] + rng.normal(size=len(image)) + positive, ties)
    order = rng.permutation(len(image))
    return scores[order], positive[order], codes[order], image[order]


def naive(scores, positive, codes, image, draws, groups):
    """Replicates by repeating the rows of every drawn image."""
    out = np.full((draws.shape[1], groups), np.nan)
    for number, counts in enumerate(draws.T):
        rows = np.repeat(np.arange(len(scores)), counts[image])
        for group in range(groups):
            mine = rows[codes[rows] == group]
            if len(set(positive[mine])) == 2:
                out[number, group] = roc_auc_score(positive[mine], scores[mine])
    return out


def plan_of(scores, positive, codes, groups, image, images):
    order, ranks = grouped.rank(scores)
    rows = slice(None) if order is None else order
    return bootstrap.plan(ranks, positive[rows], codes[rows], groups, image[rows], images)


def draws_of(images, replicates, seed, block=bootstrap.BLOCK):
    return np.concatenate(list(bootstrap.multiplicities(images, replicates, seed, block)), axis=1)


@pytest.mark.smoke
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 1, 8]), st.integers(2, 30), st.integers(1, 4))
def test_replicates_equal_the_naive_loop_on_the_same_draws(seed, ties, images, captioners):
    rng = np.random.default_rng(seed)
    scores, positive, codes, image = simulate(rng, images, captioners, 2, ties)
    codes = np.where(rng.random(len(codes)) < 0.05, -1, codes)
    plan = plan_of(scores, positive, codes, captioners, image, images)
    got = bootstrap.replicate([plan], 7, seed)[0]
    expected = naive(scores, positive, codes, image, draws_of(images, 7, seed), captioners)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_large_counts_take_the_wide_path_to_the_same_numbers():
    rng = np.random.default_rng(3)
    n, images = 120_000, 5
    scores, positive, image = (
        rng.integers(0, 40, n).astype(float),
        rng.random(n) < 0.5,
        rng.integers(0, images, n),
    )
    codes = np.zeros(n, int)
    plan = plan_of(scores, positive, codes, 1, image, images)
    assert 2 * plan[0].negatives[0] > 2**16
    drawn = draws_of(images, 3, 0)
    got = bootstrap.replicate([plan], 3, 0)[0][:, 0]
    expected = [roc_auc_score(positive, scores, sample_weight=counts[image]) for counts in drawn.T]
    np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("images", [1, 2, 7, 100, 40_000])
def test_draws_do_not_depend_on_the_block_size(images):
    one = draws_of(images, 20, 5, block=20)
    np.testing.assert_array_equal(one, draws_of(images, 20, 5, block=3))
    assert (one.sum(axis=0) == images).all()


def test_draws_beyond_the_cache_continue_the_same_stream():
    np.testing.assert_array_equal(draws_of(9000, 20, 5), draws_of(9000, 1200, 5)[:, :20])


def test_a_seed_gives_the_same_draws_on_every_machine():
    assert draws_of(5, 3, 0).tolist() == [[0, 3, 0], [2, 0, 0], [1, 0, 1], [1, 1, 3], [1, 1, 1]]


def test_draws_are_multinomial():
    drawn = draws_of(50, 4000, 1).astype(float)
    counts = np.bincount(drawn.astype(int).ravel(), minlength=6)[:6] / drawn.size
    np.testing.assert_allclose(counts, scipy.stats.binom.pmf(range(6), 50, 1 / 50), atol=0.004)
    assert np.cov(drawn)[0, 1] == pytest.approx(-1 / 50, abs=0.06)
    assert drawn.mean(axis=1) == pytest.approx(1, abs=0.08)


def test_detectors_share_their_draws():
    rng = np.random.default_rng(0)
    scores, positive, codes, image = simulate(rng)
    plans = [plan_of(each, positive, codes, 3, image, 30) for each in (scores, scores**3, -scores)]
    same, cubed, mirrored = bootstrap.replicate(plans, 50, 0)
    np.testing.assert_array_equal(same, cubed)
    np.testing.assert_allclose(same, 1 - mirrored, atol=1e-12)


def benchmark(seed=0, images=60, **options):
    rng = np.random.default_rng(seed)
    scores, positive, codes, image = simulate(rng, images, **options)
    rows = sentences.Sentences(
        positive.astype(np.int8),
        sentences.Groups(codes, tuple("abc"[: codes.max() + 1])),
        sentences.Groups(image, tuple(f"{number:03}" for number in range(images))),
    )
    return scored.apply_policy(scores, rows)


def test_jackknife_equals_leaving_each_image_out():
    found = benchmark(images=12)
    rows, scores = found.sentences, found.scores
    image, codes = rows.image.codes, rows.captioner.codes
    moved, ranks = found.by_score()
    by_captioner = grouped.grouped(ranks, moved.sentences.positive, moved.sentences.captioner.codes, 3)
    got = estimates.jackknife(by_captioner, moved.sentences.image.codes, 12)
    expected = naive(scores, rows.positive, codes, image, 1 - np.eye(12, dtype=int), 3)
    np.testing.assert_allclose(got[:, :3], expected, atol=1e-12)
    np.testing.assert_allclose(got[:, 3], expected.mean(axis=1), atol=1e-12)


def test_bca_and_percentile_intervals_agree_with_scipy():
    found = benchmark(images=40, captioners=1)
    rows, scores = found.sentences, found.scores
    by_image = [np.flatnonzero(rows.image.codes == number) for number in range(40)]

    def statistic(drawn):
        mine = np.concatenate([by_image[number] for number in drawn])
        return ranking.auroc(scores[mine], rows.positive[mine])

    for method, name in (("bootstrap", "percentile"), ("bca", "BCa")):
        ours = estimates.estimate(*found.by_score(), method, replicates=20_000)
        theirs = scipy.stats.bootstrap(
            (np.arange(40),), statistic, method=name, vectorized=False, n_resamples=2000, random_state=0
        ).confidence_interval
        assert ours.mean_low == pytest.approx(theirs.low, abs=0.006)
        assert ours.mean_high == pytest.approx(theirs.high, abs=0.006)


def test_analytic_and_bootstrap_intervals_agree_on_many_images():
    found = benchmark(images=400)
    analytic, drawn = (estimates.estimate(*found.by_score(), method) for method in ("analytic", "bootstrap"))
    np.testing.assert_allclose(analytic.low, drawn.low, atol=0.006)
    np.testing.assert_allclose(analytic.high, drawn.high, atol=0.006)
    assert analytic.mean_high - analytic.mean_low == pytest.approx(drawn.mean_high - drawn.mean_low, rel=0.12)


def test_replicates_without_a_class_are_left_out_of_the_interval():
    replicates = np.array([[0.5, np.nan], [0.6, np.nan], [np.nan, np.nan], [0.7, np.nan]])
    low, high = bootstrap.percentile(replicates, 0.5)
    assert low[0] == pytest.approx(0.55)
    assert high[0] == pytest.approx(0.65)
    assert np.isnan([low[1], high[1]]).all()


def test_memory_does_not_grow_with_the_number_of_replicates():
    rng = np.random.default_rng(0)
    scores, positive, codes, image = simulate(rng, images=1000)
    plan = plan_of(scores, positive, codes, 3, image, 1000)
    tracemalloc.start()
    try:
        bootstrap.replicate([plan], 20_000, 0)
        assert tracemalloc.get_traced_memory()[1] < 32e6
    finally:
        tracemalloc.stop()
    with pytest.raises(ValueError, match="replicates: expected at most"):
        bootstrap.replicate([plan], 10**6, 0)


@pytest.mark.parametrize("replicates", [0, -1, 1.5])
def test_the_number_of_replicates_is_checked(replicates):
    rng = np.random.default_rng(0)
    scores, positive, codes, image = simulate(rng)
    plan = plan_of(scores, positive, codes, 3, image, 30)
    with pytest.raises(ValueError, match="replicates: expected a whole number"):
        bootstrap.replicate([plan], replicates, 0)


def test_the_clustered_interval_covers_and_the_one_that_ignores_clusters_does_not():
    hits = {"clustered": 0, "rows as images": 0}
    truth = scipy.stats.norm.cdf(1 / np.sqrt(2 * (0.8**2 + 1)))
    for seed in range(300):
        rng = np.random.default_rng(seed)
        image = np.repeat(np.arange(80), 8)
        labels = (rng.random(640) < rng.beta(2, 1.2, 80)[image]).astype(int)
        scores = 0.8 * rng.normal(size=80)[image] + rng.normal(size=640) + labels
        for name, units in (("clustered", image), ("rows as images", np.arange(640))):
            found = summarize(scores, labels, image_id=units)
            hits[name] += found["auroc_low"] <= truth <= found["auroc_high"]
    assert 0.92 < hits["clustered"] / 300 < 0.98
    assert hits["rows as images"] / 300 < 0.9
