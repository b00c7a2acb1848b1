"""The page of `alignbench report` in headless Chromium: what is seen, sorted, filtered, printed."""

import importlib.resources
import socket

import datasets
import numpy as np
import pytest
from chromium import CONTRAST, PHONE, WIDE, Chromium
from reports import HOSTILE, noisy, run, sample_data, write

import alignbench
from alignbench_tools.reporting import inputs

BOARD = """
return [...document.querySelectorAll("#measured tr")].filter((row) => row.checkVisibility())
  .map((row) => [...row.cells].map((cell) => cell.innerText));
"""
MARKS = """
return [...document.querySelectorAll(".card")].map((card) => {
  let [at, whole, marks] = [0, "", []];
  for (const node of card.querySelector(".sentence").childNodes) {
    const length = Array.from(node.textContent).length;
    if (node.nodeName === "MARK") marks.push([at, at + length]);
    at += length;
    whole += node.textContent;
  }
  return [card.querySelector(".id").textContent, whole, marks];
});
"""


class Browser(Chromium):
    """Opens a page that is a file, with or without scripts, on a screen or on paper."""

    def open(self, address, size=WIDE, scheme="light", scripts=True, media=""):
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features, "media": media})
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self.driver.get("about:blank")
        self.driver.get_log("browser"), self.driver.get_log("performance")
        self.driver.get(address)

    def head(self, name):
        return self.driver.find_element(
            "xpath", f"//table[@class='board']/thead//button[starts-with(., '{name}')]"
        )

    def order(self):
        return [row[0] for row in self.run(BOARD)]


@pytest.fixture(scope="module")
def browser():
    started = Browser()
    yield started
    started.driver.quit()


@pytest.fixture(scope="module")
def sample():
    return datasets.load_dataset("alignbench", "sample", split="test")


@pytest.fixture(scope="module")
def made(sample, tmp_path_factory):
    """The page of three detectors and the paper's, its address, and the metric's entries."""
    folder = tmp_path_factory.mktemp("page")
    values = {
        "good": noisy(sample, 1, 2.0),
        HOSTILE: noisy(sample, 2),
        "Blind 9": -np.array(sample["position"]),
    }
    paths = [write(folder, sample, name, scores, str(n)) for n, (name, scores) in enumerate(values.items())]
    run(*paths, "--sample", "--with-paper", "--own", "good=birch", "--out", folder / "r.html")
    entries = inputs.entries(paths, [inputs.read(path) for path in paths], sample_data())
    return (folder / "r.html").as_uri(), {entry.name: entry for entry in entries}


def test_the_numbers_seen_are_the_metrics_and_no_request_leaves_the_file(browser, made):
    address, entries = made
    browser.open(address)
    for name, _, *cells in browser.run(BOARD):
        result = entries[name].result
        found = [*result["captioners"].values(), result]
        for cell, expected in zip(cells, found, strict=True):
            number, *tied, limits = cell.split("\n")
            assert tied in ([], ["ns"])
            assert number == f"{100 * expected['auroc']:.1f}"
            assert limits == f"{100 * expected['auroc_low']:.1f}–{100 * expected['auroc_high']:.1f}"
    browser.run("for (const image of document.images) image.loading = 'eager'")
    assert browser.console() == []
    requests = browser.requests()
    assert requests
    assert [url for url in requests if url != address and not url.startswith(("data:", "about:"))] == []


def test_the_wrong_words_are_marked_at_their_characters(browser, made, sample):
    browser.open(made[0])
    rows = {row["id"]: row for row in sample.remove_columns("image")}
    seen = browser.run(MARKS)
    assert len(seen) > 50
    assert sum(bool(marks) for *_, marks in seen) > 30
    for key, whole, marks in seen:
        assert whole == rows[key]["sentence"]
        marked = {place for start, end in marks for place in range(start, end)}
        expected = {p for span in rows[key]["spans"] for p in range(span["start"], span["end"])}
        assert marked == expected


def test_the_real_slice_has_its_pictures_and_red_words(browser, figures, serve, store, tmp_path):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 8765))
        except OSError:
            pytest.skip("port 8765, where the slice's pictures must be served, is taken")
    serve(figures / "url_images", 8765)
    rows = datasets.load_dataset("alignbench", data_dir=str(figures), images="skip", split="test")
    controls = {
        "length": [-len(text.split()) for text in rows["sentence"]],
        "position": [-place for place in rows["position"]],
    }
    paths = [write(tmp_path, rows, name, values) for name, values in controls.items()]
    run(*paths, "--data-dir", figures, "--out", tmp_path / "r.html")
    browser.open((tmp_path / "r.html").as_uri())
    browser.run("for (const image of document.images) image.loading = 'eager'")
    browser.wait("return [...document.images].every((image) => image.complete)")
    sizes = browser.run(
        "return [...document.querySelectorAll('.card')].map((c) => c.children[0].naturalWidth)"
    )
    seen = browser.run(MARKS)
    assert len(sizes) == len(seen) > 40
    assert min(sizes) > 50
    by_id = {row["id"]: row for row in rows.remove_columns("image")}
    for key, whole, marks in seen:
        assert whole == by_id[key]["sentence"]
        assert marks == sorted([span["start"], span["end"]] for span in by_id[key]["spans"])
    assert len({key for key, _, marks in seen if marks}) > 25
    red = browser.run("return getComputedStyle(document.querySelector('mark')).color")
    assert red == "rgb(176, 0, 32)"


def test_every_picture_of_the_gallery_is_seen(browser, made):
    browser.open(made[0])
    browser.run("for (const image of document.images) image.loading = 'eager'")
    browser.wait("return [...document.images].every((image) => image.complete)")
    sizes = browser.run("return [...document.querySelectorAll('.card img')].map((i) => i.naturalWidth)")
    assert len(sizes) > 50
    assert min(sizes) > 100


def test_a_click_sorts_by_that_column_and_another_one_turns_it_round(browser, made):
    address, entries = made
    browser.open(address)
    by_mean = sorted(entries, key=lambda name: -entries[name].result["auroc"])
    assert browser.order() == by_mean
    orders = {
        captioner: sorted(entries, key=lambda name: -entries[name].result["captioners"][captioner]["auroc"])
        for captioner in entries["good"].result["captioners"]
    }
    column, order = next(item for item in orders.items() if item[1] != by_mean)
    browser.head(column).click()
    assert browser.order() == order
    assert browser.run("return document.querySelectorAll('th[aria-sort]').length") == 1
    browser.head(column).click()
    assert browser.order() == order[::-1]
    browser.head("Detector").click()
    assert browser.order() == [HOSTILE, "Blind 9", "good"]
    browser.head("Rank").click()
    assert browser.order() == by_mean
    published = browser.run("return document.querySelectorAll('#published tr')[0].className")
    assert published == "divider"
    assert browser.console() == []


def test_what_is_not_defined_comes_last_in_either_order(browser, made):
    browser.open(made[0])
    browser.run("document.querySelector('#measured td[data-value]:nth-child(3)').dataset.value = ''")
    first = browser.order()[0]
    for _ in range(2):
        browser.head("atlas").click()
        assert browser.order()[-1] == first


def test_names_are_filtered_as_one_types(browser, made):
    browser.open(made[0])
    browser.driver.find_element("id", "find").send_keys("BLI 9")
    assert browser.order() == ["Blind 9"]
    assert browser.driver.find_element("id", "found").text == "1 of 28 rows"
    browser.run("find.value = ''; find.dispatchEvent(new Event('input'))")
    assert len(browser.order()) == 3


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"type": "Number"}, lambda row: "Number" in row["types"]),
        (
            {"captioner": "birch", "label": "correct"},
            lambda row: row["captioner"] == "birch" and row["label"] == 1,
        ),
        ({"label": "incorrect"}, lambda row: row["label"] == 0),
    ],
)  # fmt: skip
def test_the_gallery_is_filtered_by_type_captioner_and_label(browser, made, sample, filters, wanted):
    browser.open(made[0])
    rows = {}
    for row in sample.remove_columns("image"):
        types = {alignbench.HALLUCINATION_TYPES[code] for code in row["hallucination_types"]}
        rows[row["id"]] = {**row, "types": types}
    ids = "return [...document.querySelectorAll('.card')].filter((c) => c.checkVisibility())"
    ids += ".map((c) => c.querySelector('.id').textContent)"
    before = browser.run(ids)
    for name, value in filters.items():
        browser.driver.find_element("xpath", f"//select[@data-filter='{name}']/option[.='{value}']").click()
    after = browser.run(ids)
    assert after == [key for key in before if wanted(rows[key])]
    assert after
    assert browser.driver.find_element("id", "chosen").text == f"{len(after)} of {len(before)} sentences"


def test_without_scripts_everything_is_there_but_sorting_and_filtering(browser, made):
    browser.open(made[0], scripts=False)
    text = browser.driver.find_element("tag name", "body").text
    try:
        assert HOSTILE in text
        assert "The most confident mistakes" in text
        assert "Show detectors with" not in text
        assert browser.driver.find_elements("css selector", "th button") == []
    finally:
        browser.open("about:blank")


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_only_tables_and_figures_scroll_sideways(browser, made, size):
    browser.open(made[0], size)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    outside = browser.run(
        "return [...document.querySelectorAll('body *:not(.scroll *, .paper *)')]"
        ".filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map((e) => e.outerHTML.slice(0, 80))"
    )
    assert outside == []


def test_on_paper_nothing_is_cut_off_and_no_control_is_left(browser, made):
    # A4 less the page's margins, in CSS pixels.
    browser.open(made[0], (703, 1000), media="print")
    cut = browser.run(
        "return [...document.querySelectorAll('table, img, p, dl, ul')]"
        ".filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > 704)"
        ".map((e) => e.outerHTML.slice(0, 80))"
    )
    assert cut == []
    controls = browser.driver.find_elements("css selector", "nav, input, select, details")
    assert controls
    assert not any(control.is_displayed() for control in controls)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(browser, made, scheme):
    """Web Content Accessibility Guidelines 2.2, criterion 1.4.3: 4.5 to 1."""
    browser.open(made[0], scheme=scheme)
    browser.run("document.querySelector('details').open = true")
    contrast, text = browser.run(CONTRAST)
    assert contrast >= 4.5, text


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_axe_finds_no_violation(browser, made, size, scheme):
    pytest.importorskip("axe_core_python", reason="needs axe-core (pip install axe-core-python)")
    axe = (importlib.resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    browser.open(made[0], size, scheme)
    browser.run("document.querySelector('details').open = true")
    # By the debugger's protocol, for the page's own policy lets no other script in.
    browser.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    found = browser.driver.execute_cdp_cmd(
        "Runtime.evaluate", {"expression": "axe.run()", "awaitPromise": True, "returnByValue": True}
    )["result"]["value"]
    assert len(found["passes"]) > 20
    assert [(v["id"], v["impact"], v["nodes"][0]["html"][:200]) for v in found["violations"]] == []
