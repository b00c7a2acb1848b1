"""What the tests of `alignbench browse` share: servers over real rows, a release with awkward texts."""

import contextlib
import threading

from PIL import Image

from alignbench_tools import __main__, browse
from alignbench_tools.viewer.columns import columns
from alignbench_tools.viewer.pictures import Pictures

SCRIPT = "A sign says <script>document.title = 'run'</script> & <b>more</b>."
EMOJI = "Two 🐕🐕 and one 👩🏽‍🚀 chase a red ball past the 🏠."


def awkward_rows():
    """Two captions: one with markup, an emoji before spans and untyped words; one without its picture."""
    yield {"caption": "Dogs play.", "sentence_index": 0}
    yield {
        "caption": EMOJI,
        "sentence_index": 1,
        "annotation": "incorrect",
        "error_type": ["Attribute", "Object"],
        "error_words": ["red", "ball past"],
    }
    yield {
        "caption": SCRIPT,
        "sentence_index": 2,
        "annotation": "incorrect",
        "error_type": ["Text"],
        "error_words": ["<script>document.title = 'run'</script>"],
    }
    yield {
        "caption": "Grün ist 🟢 es.",
        "sentence_index": 3,
        "annotation": "incorrect",
        "error_type": ["Object", "Text"],
        "error_words": ["es"],
    }
    yield {"caption": 'Nobody said "never".', "image_name": "2", "image_path_in_repo": "images/2.png",
           "image_type": None, "annotation": "unknown"}  # fmt: skip


def awkward_release(write_release):
    folder = write_release(*awkward_rows())
    (folder / "images").mkdir()
    Image.new("RGB", (64, 48), "teal").save(folder / "images/1.png")
    return folder


def options(*arguments):
    return __main__.parser().parse_args(["browse", *map(str, arguments)])


@contextlib.contextmanager
def viewer(*arguments):
    """The server over the captions that the command line `arguments` ask for, with them as `captions`."""
    captions, source = browse.load(options(*arguments))
    with browse.bind(columns(captions, source), Pictures(captions), 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        server.captions = captions
        try:
            yield server
        finally:
            server.shutdown()
