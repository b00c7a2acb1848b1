"""Headless Chromium for tests: opens pages, remembers what it asked for; and what is read off a page."""

import json
import shutil

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium (pip install selenium)")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("needs chromium and chromedriver on the path", allow_module_level=True)

# Wrong words as they stand on the page: [start, end, type] in code points of the sentence without the tags.
MARKS = """
return [...document.querySelectorAll("#detail .sentence .text")].map((text) => {
  let [at, whole, marks] = [0, "", []];
  for (const node of text.childNodes) {
    if (node.className === "tag") continue;
    const length = Array.from(node.textContent).length;
    if (node.nodeName === "MARK") marks.push([at, at + length, node.dataset.type]);
    at += length;
    whole += node.textContent;
  }
  return [whole, marks];
});
"""
# Lowest contrast of any text with what is painted behind it, and that text.
CONTRAST = """
const paint = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const over = (colour) => { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); };
const luminance = () => [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3)
  .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
let worst = [99, ""];
for (const item of document.querySelectorAll("body *:not(script, noscript *)")) {
  const text = [...item.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join("").trim();
  if (!text || item.disabled || !item.checkVisibility()) continue;
  const chain = [];
  for (let up = item; up; up = up.parentElement) chain.unshift(up);
  over("white");
  for (const up of chain) over(getComputedStyle(up).backgroundColor);
  const behind = luminance();
  over(getComputedStyle(item).color);
  const [high, low] = [behind, luminance()].sort((a, b) => b - a);
  const contrast = (high + 0.05) / (low + 0.05);
  if (contrast < worst[0]) worst = [contrast, text];
}
return worst;
"""
WIDE, PHONE = (1280, 800), (390, 844)


class Chromium:
    """A browser that remembers what it asked for."""

    def __init__(self):
        flags = webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
            flags.add_argument(flag)
        flags.binary_location = CHROMIUM
        flags.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=flags, service=webdriver.ChromeService(DRIVER))
        self.driver.set_script_timeout(20)

    def open(self, address, size=WIDE, scheme="light"):
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.get("about:blank")
        self.driver.get_log("browser"), self.driver.get_log("performance")
        self.driver.get(address)
        self.wait("return document.querySelector('#detail article, #detail .nothing') !== null")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition):
        """Until the script `condition` returns true."""
        look = (
            "const done = arguments[0], look = () => (() => {%s})() ? done() : setTimeout(look, 10); look();"
        )
        self.driver.execute_async_script(look % condition)

    def press(self, key):
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def search(self, text):
        field = self.driver.find_element("id", "search")
        field.clear()
        field.send_keys(text)

    def tick(self, facet, name):
        self.driver.find_element("css selector", f".filter[data-facet={facet}] summary").click()
        self.driver.find_element("css selector", f".filter[data-facet={facet}] input[value='{name}']").click()
        self.press("\ue00c")  # Esc

    @property
    def shown(self):
        """Id of the caption on show."""
        found = self.driver.find_elements("css selector", "#detail .id")
        return found[0].text if found else None

    @property
    def count(self):
        return self.driver.find_element("id", "count").text

    @property
    def hash(self):
        return self.run("return location.hash")

    def console(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        sent = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
