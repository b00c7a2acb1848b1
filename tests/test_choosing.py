"""Choosing pictures: evenly over domains, without near-duplicates, the same whatever the order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignbench_tools.generation.choosing import choose

SIZES = {0: 40, 1: 10, 2: 25, 3: 3}


def planted(seed=0, noise=0.15):
    """Four clusters of unequal size around orthogonal directions."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(list(SIZES), list(SIZES.values()))
    vectors = np.eye(4, 16)[truth] + rng.normal(0, noise, (len(truth), 16))
    return vectors, truth, [f"picture {i:03}" for i in range(len(truth))]


def test_every_planted_domain_gives_the_same_number_and_a_small_one_all_it_has():
    vectors, truth, names = planted()
    choice = choose(vectors, names, 23, domains=4, like=0.999)
    counts = np.bincount(truth[choice.chosen])
    assert counts[3] == 3
    assert sorted(counts) == [3, 6, 7, 7]
    assert len(set(zip(choice.domains.tolist(), truth.tolist(), strict=True))) == 4


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_choice_does_not_depend_on_the_order(rng, seed):
    vectors, _, names = planted()
    order = list(range(len(names)))
    rng.shuffle(order)
    one = choose(vectors, names, 20, domains=4, like=0.999, seed=seed)
    two = choose(vectors[order], [names[i] for i in order], 20, domains=4, like=0.999, seed=seed)
    assert {names[i] for i in one.chosen} == {names[order[i]] for i in two.chosen}
    assert one.domains.tolist() == two.domains[np.argsort(order)].tolist()


def test_another_seed_chooses_others():
    vectors, _, names = planted()
    assert choose(vectors, names, 20, 4, 0.999, 0).chosen != choose(vectors, names, 20, 4, 0.999, 1).chosen


def test_near_duplicates_are_left_out_and_the_first_by_name_stays():
    vectors, _, names = planted()
    again = np.concatenate((vectors, 3 * vectors[:5] + 1e-6))
    choice = choose(again, [*names, *(f"a copy {i}" for i in range(5))], 20, domains=4, like=0.9999)
    assert choice.duplicates == {i: len(names) + i for i in range(5)}
    assert not set(choice.chosen) & set(range(5))
    assert (choice.domains[:5] == -1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v, n: (v, n[1:], 5), "of 77 pictures"),
        (lambda v, n: (v, [n[0], *n[:-1]], 5), "a name of its own"),
        (lambda v, n: (np.zeros_like(v), n, 5), "other than zero"),
        (lambda v, n: (v * np.nan, n, 5), "finite"),
        (lambda v, n: (v, n, 79), r"expected at least 79 different pictures, got 78"),
    ],
)
def test_what_cannot_be_chosen_from_is_said(change, message):
    vectors, _, names = planted()
    vectors, names, count = change(vectors, names)
    with pytest.raises(ValueError, match=message):
        choose(vectors, names, count, like=0.9999)
