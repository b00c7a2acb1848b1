"""Cutting captions into sentences, with offsets."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sentencex")

from alignbench_tools.generation.splitting import cut


def texts(caption):
    return [sentence["text"] for sentence in cut(caption)]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A dog sits. A cat lies.", ["A dog sits.", "A cat lies."]),
        (
            "Mr. Smith holds a sign. It says “OPEN.” The U.S. flag waves at 3.5 m.",
            ["Mr. Smith holds a sign.", "It says “OPEN.”", "The U.S. flag waves at 3.5 m."],
        ),
        (
            'He said, "It is late." Then he left, e.g. by bus.',
            ['He said, "It is late."', "Then he left, e.g. by bus."],
        ),
        (
            "- A red ball.\n- Two cats (one black, one white) play.\n",
            ["A red ball.", "Two cats (one black, one white) play."],
        ),
        (
            "1. The sky is blue.\n2) Trees are green...\n10. A hat",
            ["The sky is blue.", "Trees are green...", "A hat"],
        ),
        ("# The scene\nA man waves!", ["A man waves!"]),
        ("**Foreground**\n\nA man waves.", ["A man waves."]),
        ("**Foreground:** A **red** dog sits.", ["**Foreground:** A **red** dog sits."]),
        ("> A quote stands here.", ["A quote stands here."]),
        ("A dog sits\nA cat lies", ["A dog sits", "A cat lies"]),
        ("Is it late? Yes. 🙂 The end.", ["Is it late?", "Yes.", "🙂 The end."]),
        ("---\n***\n...\n", []),
        ("", []),
        ("The clock shows 10:10 a.m. on the wall.", ["The clock shows 10:10 a.m. on the wall."]),
    ],
)
def test_what_models_like_to_write_is_cut_where_a_reader_would(caption, expected):
    assert texts(caption) == expected


@given(st.text(alphabet=st.sampled_from("ab A.B! ?\n\r\t-*#1)“”\"'😀é…\u2028"), max_size=60))
def test_cuts_are_places_in_the_caption_in_order_without_space_around(caption):
    sentences = cut(caption)
    for each in sentences:
        assert caption[each["start"] : each["end"]] == each["text"]
        assert each["text"] == each["text"].strip() != ""
        assert any(char.isalnum() or char == "_" for char in each["text"])
    assert all(one["end"] <= two["start"] for one, two in itertools.pairwise(sentences))


def test_the_real_captions_are_cut_into_their_printed_sentences_but_for_a_missing_full_stop(figures):
    captions = {}
    with open(figures / "halcap_bench.jsonl", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            captions.setdefault((row["model"], row["image_name"]), []).append(
                (row["sentence_index"], row["caption"])
            )
    differing = []
    for key, rows in captions.items():
        printed = [text.strip() for _, text in sorted(rows)]
        if texts(" ".join(printed)) != printed:
            differing.append((key, [text for text in printed if text not in texts(" ".join(printed))]))
    # It is printed without its full stop: "… with a person standing on it The person appears …".
    assert [key for key, _ in differing] == [("cogvlm", "fig_cogvlm_2.png")]
    (missed,) = [sentences for _, sentences in differing]
    assert missed[0].endswith("a person standing on it")
    assert len(captions) == 18
