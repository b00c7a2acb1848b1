"""How long `alignbench browse` takes in a browser: first paint, filters, search, next caption.

    python benchmarks/browse.py RELEASE [--images skip] [--runs 11]

RELEASE is a release folder, e.g. a simulated one at full size. Needs selenium and Chromium. Prints medians
in milliseconds; a time ends when the frame that shows the result has been painted.
"""

import argparse
import shutil
import subprocess
import sys
from statistics import median

from selenium import webdriver

FIRST_PAINT = """
const done = arguments[0];
const painted = () => performance.getEntriesByName("first-contentful-paint")[0].startTime;
const look = () => {
  const picture = document.querySelector("#detail .large");
  if (!picture || picture.complete === false) return requestAnimationFrame(look);
  requestAnimationFrame(() => setTimeout(() => done([painted(), performance.now()])));
};
look();
"""
PAINTED = """
const [act, done] = [new Function(arguments[0]), arguments[1]];
const start = performance.now();
act();
requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
"""
TICK = "document.querySelector('.filter[data-facet={}] input').click()"
TYPE = "const s = document.getElementById('search'); s.value = '{}'; s.dispatchEvent(new Event('input'))"
KEY = "document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{}', bubbles: true }}))"
# What is done, and what brings back the state before.
ACTIONS = {
    **{f"filter by {facet}": (TICK.format(facet),) * 2 for facet in ("captioner", "label", "type", "domain")},
    "search, 1 common word": (TYPE.format("the"), TYPE.format("")),
    "search, 3 words": (TYPE.format("red corner left"), TYPE.format("")),
    "next caption": (KEY.format("j"), KEY.format("k")),
    "last caption": (KEY.format("End"), KEY.format("Home")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("release")
    parser.add_argument("--images", default="auto")
    parser.add_argument("--runs", type=int, default=11)
    args = parser.parse_args()
    command = [sys.executable, "-m", "alignbench_tools", "browse", "--data-dir", args.release]
    command += ["--images", args.images, "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            print(line.partition(" at ")[0])
            measure(line.split(" at ")[1].split()[0], args.runs)
        finally:
            server.terminate()


def measure(url: str, runs: int) -> None:
    browser = chromium()
    try:
        paints = []
        for _ in range(runs):
            browser.get("about:blank")
            browser.get(url)
            paints.append(browser.execute_async_script(FIRST_PAINT))
        for name, times in zip(
            ("first paint", "caption and picture"), zip(*paints, strict=True), strict=True
        ):
            show(name, times)
        for name, (act, undo) in ACTIONS.items():
            times = []
            for _ in range(runs):
                times.append(browser.execute_async_script(PAINTED, act))
                browser.execute_async_script(PAINTED, undo)
            show(name, times)
    finally:
        browser.quit()


def show(name: str, times: list[float] | tuple[float, ...]) -> None:
    print(f"{name:<24}{median(times):>8.0f} ms   (worst of {len(times)}: {max(times):.0f})")


def chromium() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--window-size=1280,800"):
        options.add_argument(option)
    options.binary_location = shutil.which("chromium") or ""
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


if __name__ == "__main__":
    main()
