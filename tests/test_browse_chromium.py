"""`alignbench browse` in headless Chromium: what is seen, filters, links, keyboard, phone, no way out."""

import socket
from urllib.parse import urlencode

import pytest
from browsing import SCRIPT, awkward_release, options, viewer
from chromium import CONTRAST, MARKS, PHONE, Chromium

import alignbench
from alignbench_tools import browse

DOWN, UP, END, HOME, ESCAPE = "\ue015", "\ue013", "\ue010", "\ue011", "\ue00c"


@pytest.fixture(scope="module")
def chromium():
    started = Chromium()
    yield started
    started.driver.quit()


@pytest.fixture(scope="module")
def sample():
    with viewer("sample") as server:
        yield server


@pytest.fixture
def awkward(write_release):
    folder = awkward_release(write_release)
    with viewer("--data-dir", folder) as server:
        server.folder = folder
        yield server


@pytest.fixture
def real_slice(figures, serve, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "hf"))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 8765))
        except OSError:
            pytest.skip("port 8765, where the slice's pictures must be served, is taken")
    serve(figures / "url_images", 8765)
    with viewer("--data-dir", figures, "--retry") as server:
        yield server


def marks_of(row):
    """What must be marked: each sentence with its spans as [start, end, type] in code points."""
    types = [*alignbench.HALLUCINATION_TYPES, "No type"]
    marked = []
    for sentence in row["sentences"]:
        spans = [
            [s["start"], s["end"], types[-1 if s["type"] is None else s["type"]]] for s in sentence["spans"]
        ]
        marked.append([sentence["sentence"], sorted(spans)])
    return marked


def check_every_caption(chromium, server):
    chromium.open(server.url)
    for row in server.captions.remove_columns("image"):
        assert chromium.shown == row["id"]
        assert chromium.run(MARKS) == marks_of(row)
        chromium.press("j")


def check_quiet(chromium, address):
    """No console error, and no request to anywhere else."""
    assert chromium.console() == []
    requests = chromium.requests()
    assert requests
    assert [url for url in requests if not url.startswith((address, "data:", "about:"))] == []


def test_the_wrong_words_of_the_real_slice_are_marked_at_their_characters(chromium, real_slice):
    check_every_caption(chromium, real_slice)
    check_quiet(chromium, real_slice.url)
    chromium.wait("return document.querySelector('.large').naturalWidth > 100")
    rows = real_slice.captions.remove_columns("image")
    assert sum(len(marks) for row in rows for _, marks in marks_of(row)) >= 43


def test_the_wrong_words_of_the_sample_are_marked_at_their_characters(chromium, sample):
    check_every_caption(chromium, sample)
    check_quiet(chromium, sample.url)


def test_awkward_texts_are_shown_as_they_are_written(chromium, awkward):
    check_every_caption(chromium, awkward)
    chromium.press(HOME)
    assert SCRIPT in [sentence for sentence, _ in chromium.run(MARKS)]
    assert chromium.run("return document.title") == "atlas/1 · AlignBench"
    assert chromium.run("return document.querySelectorAll('#detail script, #detail b').length") == 0
    check_quiet(chromium, awkward.url)


def test_spans_that_overlap_are_cut_and_keep_both_types(chromium, sample):
    chromium.open(sample.url)
    cut = chromium.run(
        "return pieces('a🐕bcd', [[0, 3, 0], [2, 4, 1]]).map((p) => [p.text, p.spans.length, p.last])"
    )
    assert cut == [["a🐕", 1, []], ["b", 2, [[0, 3, 0]]], ["c", 1, [[2, 4, 1]]], ["d", 0, []]]


def test_every_sentence_has_its_label_and_votes(chromium, sample):
    row = sample.captions[0]
    chromium.open(f"{sample.url}#caption={row['id']}")
    seen = chromium.run(
        "return [...document.querySelectorAll('.sentence')].map((s) =>"
        "[s.querySelector('.verdict > span + span').textContent, s.querySelector('.votes').ariaLabel])"
    )
    for (label, votes), sentence in zip(seen, row["sentences"], strict=True):
        assert label == alignbench.LABELS[sentence["label"]]
        counted = [f"{number} {name}" for name, number in sentence["votes"].items() if number]
        assert sorted(votes.removeprefix("Votes: ").split(", ")) == sorted(counted)


def found(server, **wanted):
    """Ids of captions with a sentence that has everything `wanted`, by going through the rows."""
    ids = []
    for row in server.captions.remove_columns("image"):
        for sentence in row["sentences"]:
            types = {alignbench.HALLUCINATION_TYPES[code] for code in sentence["hallucination_types"]}
            has = {
                "captioner": {row["captioner"]},
                "domain": {row["domain"]},
                "direction": {alignbench.DIRECTIONS[row["direction"]]},
                "label": {alignbench.LABELS[sentence["label"]]},
                "type": types,
            }
            text = all(word in sentence["sentence"].lower() for word in wanted.get("words", []))
            if text and all(has[name] & set(values) for name, values in wanted.items() if name != "words"):
                ids.append(row["id"])
                break
    return ids


@pytest.mark.parametrize(
    ("ticks", "words"),
    [
        ({"captioner": ["birch"]}, ""),
        ({"captioner": ["birch", "dune"], "label": ["unknown"]}, ""),
        ({"type": ["Number", "Text"]}, ""),
        ({"label": ["incorrect"], "type": ["Direction"], "domain": ["Street", "Vehicle"]}, ""),
        ({"direction": ["text_to_image"]}, ""),
        ({}, "RED on"),
        ({"label": ["correct"]}, "two"),
        ({"label": ["correct"], "type": ["Object"]}, ""),
    ],
)
def test_filters_and_search_find_what_the_rows_have(chromium, sample, ticks, words):
    expected = found(sample, words=words.lower().split(), **ticks)
    chromium.open(sample.url)
    for facet, names in ticks.items():
        for name in names:
            chromium.tick(facet, name)
    chromium.search(words)
    assert chromium.count == f"{len(expected)} of 53 captions"
    listed = chromium.run("return app.result.found.map((caption) => app.data.captions.id[caption])")
    assert listed == expected
    assert chromium.shown == (expected[0] if expected else None)
    assert chromium.console() == []


@pytest.mark.parametrize(
    "chosen",
    [{"label": ["incorrect"], "domain": ["Street"]}, {"type": ["Number", "Text"], "captioner": ["atlas"]}],
)
def test_the_number_beside_an_option_is_what_choosing_it_gives(chromium, sample, chosen):
    chromium.open(f"{sample.url}#{urlencode(chosen, doseq=True)}")
    for facet in ("captioner", "type", "domain", "label", "direction"):
        numbers = chromium.run(
            "return [...document.querySelectorAll(`.filter[data-facet=${arguments[0]}] .option`)]"
            ".map((o) => [o.querySelector('input').value, Number(o.querySelector('.number').textContent)])",
            facet,
        )
        for name, number in numbers:
            assert number == len(found(sample, **{**chosen, facet: [name]})), (facet, name)


def test_a_phrase_in_quotation_marks_is_searched_as_it_stands(chromium, sample):
    chromium.open(sample.url)
    chromium.search('"cream ice"')
    assert chromium.count == "0 of 53 captions"
    assert chromium.shown is None
    chromium.search('"best day for ice cream')
    assert chromium.shown == "cedar/chart"
    assert chromium.run("return [...CSS.highlights.get('found')].map(String)") == ["best day for ice cream"]


def test_a_link_restores_filters_search_and_caption(chromium, sample):
    chromium.open(sample.url)
    chromium.tick("label", "incorrect")
    chromium.tick("captioner", "cedar")
    chromium.search("day")
    chromium.press(ESCAPE)  # empties the search
    chromium.search("the")
    chromium.run("document.activeElement.blur()")
    chromium.press("j")
    link, shown, count = chromium.run("return location.href"), chromium.shown, chromium.count
    chromium.open(link)
    assert (chromium.shown, chromium.count) == (shown, count)
    ticked = chromium.run(
        "return [...document.querySelectorAll('.option input:checked')].map((box) => box.value)"
    )
    assert ticked == ["cedar", "incorrect"]
    assert chromium.run("return document.getElementById('search').value") == "the"
    chromium.driver.find_element("id", "clear").click()
    assert (chromium.count, chromium.hash) == ("53 captions", f"#caption={shown.replace('/', '%2F')}")
    chromium.driver.find_element("id", "home").click()
    assert chromium.hash == ""
    chromium.driver.back()
    chromium.driver.back()
    chromium.wait(f"return document.getElementById('count').textContent === '{count}'")


def test_a_link_to_what_is_not_there_says_so(chromium, sample):
    chromium.open(f"{sample.url}#captioner=qwen&label=incorrect&caption=cedar/none")
    notice = chromium.driver.find_element("id", "notice")
    assert notice.text == "The link names what these data do not have: captioner “qwen”, caption “cedar/none”"
    assert chromium.count == f"{len(found(sample, label=['incorrect']))} of 53 captions"


def test_keys_go_through_the_captions(chromium, sample):
    ids = sample.captions["id"]
    chromium.open(sample.url)
    for key, expected in [
        ("j", 1),
        (DOWN, 2),
        ("\ue014", 3),
        ("k", 2),
        (UP, 1),
        (END, 52),
        ("j", 52),
        (HOME, 0),
        ("k", 0),
    ]:
        chromium.press(key)
        assert chromium.shown == ids[expected]
    chromium.press("/")
    chromium.press("jk?")
    assert chromium.run("return document.activeElement.value") == "jk?"
    assert chromium.shown is None
    chromium.press(ESCAPE)
    chromium.press(ESCAPE)
    assert chromium.run("return document.activeElement === document.body")
    for key, dialog in (("?", "help"), ("z", "zoom")):
        chromium.press(key)
        assert chromium.run("return document.querySelector('dialog[open]').id") == dialog
        chromium.press(ESCAPE)
        assert chromium.run("return document.querySelector('dialog[open]')") is None
    assert chromium.console() == []


def test_the_selected_row_is_always_in_sight_and_few_rows_are_made(chromium, sample):
    chromium.open(sample.url)
    for key in (END, "k", HOME, "j"):
        chromium.press(key)
        seen = chromium.run(
            "const [row, list] = ['.row[aria-selected=true]', '#list'].map((s) => document.querySelector(s)"
            ".getBoundingClientRect()); return row.top >= list.top - 1 && row.bottom <= list.bottom + 1"
        )
        assert seen
    assert chromium.run("return document.querySelectorAll('.row').length") < 25


def test_going_back_leaves_the_list_where_it_is(chromium, sample):
    chromium.open(sample.url)
    chromium.run("document.getElementById('list').scrollTop = 300")
    chromium.driver.find_element("css selector", ".row[aria-posinset='8']").click()
    chromium.driver.back()
    chromium.wait(
        f"return document.querySelector('#detail .id').textContent === '{sample.captions['id'][0]}'"
    )
    assert chromium.run("return document.getElementById('list').scrollTop") == 300


def width(chromium):
    return chromium.run("return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")


def test_on_a_phone_nothing_is_wider_than_the_screen_and_back_returns_to_the_list(chromium, sample):
    chromium.open(sample.url, PHONE)
    assert width(chromium) == 390
    inside = (
        "return [...document.querySelectorAll('.top > *, .row, .row .strip')]"
        ".every((part) => part.getBoundingClientRect().right <= 391)"
    )
    assert chromium.run(inside)
    chromium.run("document.getElementById('list').scrollTop = 300")
    row = chromium.driver.find_element("css selector", ".row[aria-posinset='8']")
    row.click()
    assert chromium.shown == sample.captions["id"][7]
    assert width(chromium) == 390
    assert chromium.run("return document.getElementById('detail').scrollWidth") <= 390
    assert not chromium.driver.find_element("id", "list").is_displayed()
    chromium.driver.back()
    chromium.wait("return document.getElementById('list').checkVisibility()")
    assert chromium.run("return document.getElementById('list').scrollTop") == 300
    chromium.driver.find_element("css selector", ".filter[data-facet=type] summary").click()
    menu = chromium.run(
        "return document.querySelector('.filter[open] .menu').getBoundingClientRect().toJSON()"
    )
    assert (menu["left"], menu["right"], menu["bottom"]) == (0, 390, 844)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(chromium, sample, scheme):
    """Web Content Accessibility Guidelines 2.2, criterion 1.4.3: 4.5 to 1."""
    for words in ("", "the"):
        chromium.open(f"{sample.url}#type=Attribute&q={words}", scheme=scheme)
        chromium.run("document.querySelector('.filter[data-facet=type]').open = true")
        chromium.run(
            "document.querySelector('.sentence').append(...app.data.names.type.flatMap((name) =>"
            "['tag', 'swatch'].map((kind) => element('span', { class: kind, 'data-type': name }, name))))"
        )
        contrast, text = chromium.run(CONTRAST)
        assert contrast >= 4.5, text


def test_each_type_has_a_line_and_a_name_beside_its_colour(chromium, sample):
    chromium.open(sample.url)
    styles = chromium.run(
        "return [...document.querySelectorAll('#help-types mark')].map((mark) => {"
        "const style = getComputedStyle(mark);"
        "return [mark.textContent, style.textDecorationColor, style.textDecorationStyle]; })"
    )
    assert [name for name, _, _ in styles] == list(alignbench.HALLUCINATION_TYPES)
    assert len({colour for _, colour, _ in styles}) == 9
    assert len({style for _, _, style in styles}) == 5
    tagged = chromium.run(
        "return app.data.sentences.spans.every((spans, s) =>"
        "sentenceText(app.data, s, true).filter((n) => n.className === 'tag').length === spans.length)"
    )
    assert tagged


def test_every_control_has_a_name(chromium, sample):
    chromium.open(f"{sample.url}#label=incorrect")
    nameless = chromium.run(
        "return [...document.querySelectorAll('button, input, a, summary, img, [role=listbox]')]"
        ".filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.hasAttribute('alt')))"
        ".map((e) => e.outerHTML)"
    )
    assert nameless == []


def test_the_one_file_page_works_without_a_server(chromium, awkward, tmp_path):
    out = tmp_path / "page.html"
    browse.run(options("--data-dir", awkward.folder, "--out", out, "--no-open"))
    chromium.open(f"{out.as_uri()}#caption=atlas/1")
    assert chromium.run(MARKS) == marks_of(awkward.captions[0])
    chromium.wait("return document.querySelector('.large').naturalWidth === 64")
    chromium.press("j")
    assert chromium.driver.find_element("css selector", ".large").text == "This picture is not here."
    check_quiet(chromium, out.as_uri())
