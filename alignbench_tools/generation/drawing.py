"""Pictures drawn for texts, by an OpenAI-compatible images endpoint or by `diffusers` on this machine."""

import asyncio
import base64
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from alignbench import check_picture, write_atomically
from alignbench_tools.generation import asking, collection, splitting
from alignbench_tools.vlm.failures import advice, describe, is_fatal, status_code

JOURNAL = "drawn.jsonl"
# What providers call a text that they will not draw.
REFUSALS = ("content_policy", "moderation", "safety", "not allowed")


class Text(NamedTuple):
    """A text to draw, under the name that its picture gets."""

    name: str
    text: str
    domain: str | None = None


class Drawn(NamedTuple):
    """A picture's bytes, and what it took."""

    picture: bytes
    input_tokens: int = 0
    output_tokens: int = 0


Draw = Callable[[str], Awaitable[Drawn]]


def read_texts(path: Path) -> list[Text]:
    """Texts from JSON lines of {"name", "text", "domain"?}, or a text a line, named 0, 1, 2, …

    Raises ValueError that names the line of a text that is empty or of a name that repeats.
    """
    texts: list[Text] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            record = json.loads(line) if path.suffix == ".jsonl" else {"name": str(len(texts)), "text": line}
            found = Text(str(record["name"]), str(record["text"]).strip(), record.get("domain"))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f'{where}: expected {{"name": …, "text": …}}, got {line[:60]!r}') from None
        if not found.text or any(found.name == other.name for other in texts):
            raise ValueError(f"{where}: expected a text, and a name of its own, got {line[:60]!r}")
        texts.append(found)
    if not texts:
        raise ValueError(f"{path}: no text in it")
    return texts


def endpoint(model: str, base_url: str | None, size: str | None) -> Draw:
    """Draws by ``POST /images/generations``; the key is OPENAI_API_KEY's."""
    try:
        import openai
    except ImportError as error:
        raise ValueError(f"{error}; pip install 'alignbench[vlm]'") from None
    try:
        client = openai.AsyncOpenAI(base_url=base_url, max_retries=5)
    except openai.OpenAIError as error:
        raise ValueError(f"--model {model}: {error}") from None

    async def draw(text: str) -> Drawn:
        options: dict[str, Any] = {"size": size} if size else {}
        found = await client.images.generate(model=model, prompt=text, n=1, **options)
        (image,) = found.data or [None]
        if image is None or not image.b64_json:
            raise ValueError("the reply holds no picture in b64_json")
        used = found.usage
        return Drawn(
            base64.b64decode(image.b64_json),
            used.input_tokens if used else 0,
            used.output_tokens if used else 0,
        )

    return draw


def diffusers(repo: str, seed: int) -> Draw:
    """Draws by a `diffusers` pipeline, the same picture for the same seed and text."""
    try:
        import torch
        from diffusers import DiffusionPipeline
    except ImportError as error:
        raise ValueError(f"diffusers/{repo}: {error}; pip install diffusers torch transformers") from None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    pipeline = DiffusionPipeline.from_pretrained(repo, torch_dtype=torch.bfloat16).to(device)

    async def draw(text: str) -> Drawn:
        import io

        made = io.BytesIO()
        generator = torch.Generator(device).manual_seed(seed)
        pipeline(text, generator=generator).images[0].save(made, "PNG")
        return Drawn(made.getvalue())

    return draw


def run(
    texts: Sequence[Text],
    draw: Draw,
    folder: Path,
    captioner: str,
    about: Mapping[str, Any],
    connections: int = 4,
    progress: bool = True,
) -> dict[str, Any]:
    """Draw every text that `folder` has no picture of, write the collection, and return usage and counts.

    Each picture is on disk before its line in ``drawn.jsonl``. A run that was killed goes on; failed texts
    are asked again, refused ones are not. Raises ValueError if the first text cannot be drawn, if the
    key or the account fails, and if `folder` holds pictures made in another way.
    """
    _check_same(folder, about)
    folder.mkdir(parents=True, exist_ok=True)
    lines = _journal(folder)
    todo = [text for text in texts if lines.get(text.name, {}).get("status") not in ("ok", "refused")]
    with tqdm(total=len(todo), unit="picture", desc=captioner, disable=not progress) as bar:
        asyncio.run(_all(todo, draw, folder, captioner, connections, bar))
    lines = _journal(folder)
    records = [_record(text, lines[text.name], captioner) for text in texts if text.name in lines]
    usage = {
        name: sum(line.get(name, 0) for line in lines.values()) for name in ("input_tokens", "output_tokens")
    }
    counts: dict[str, int] = {}
    for record in records:
        counts[record["status"]] = counts.get(record["status"], 0) + 1
    collection.put(folder, records, {**about, "usage": usage, "splitter": splitting.splitter()})
    return {"usage": usage, "counts": counts}


def _check_same(folder: Path, about: Mapping[str, Any]) -> None:
    path = folder / collection.ABOUT_FILE
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else about
    found = [
        f"{key}: {before.get(key)!r} / {value!r}" for key, value in about.items() if before.get(key) != value
    ]
    if found:
        raise ValueError(
            f"{folder} holds pictures made in another way: {'; '.join(found)}; take another --out"
        )


async def _all(
    todo: Sequence[Text], draw: Draw, folder: Path, captioner: str, connections: int, bar: Any
) -> None:
    """The first alone, so that a wrong key costs one call; then `connections` at a time."""
    if not todo:
        return
    first = await _one(todo[0], draw, folder, captioner, bar)
    if first["status"] == "error":
        raise ValueError(f"the first text could not be drawn: {first['reply']}")
    slots = asyncio.Semaphore(connections)

    async def put(text: Text) -> None:
        async with slots:
            await _one(text, draw, folder, captioner, bar)

    async with asyncio.TaskGroup() if hasattr(asyncio, "TaskGroup") else _Gather() as group:
        for text in todo[1:]:
            group.create_task(put(text))


class _Gather:
    """asyncio.TaskGroup for Python 3.10."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task] = []

    async def __aenter__(self) -> "_Gather":
        return self

    def create_task(self, work: Any) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.gather(*self._tasks)
        except BaseException:
            for task in self._tasks:
                task.cancel()
            raise


async def _one(text: Text, draw: Draw, folder: Path, captioner: str, bar: Any) -> dict[str, Any]:
    line: dict[str, Any] = {"name": text.name}
    try:
        drawn = await draw(text.text)
        check_picture(drawn.picture)
        path = folder / _place(captioner, text.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, drawn.picture)
        line |= {"status": "ok", "input_tokens": drawn.input_tokens, "output_tokens": drawn.output_tokens}
    except OSError:
        raise
    except Exception as error:
        if is_fatal(error):
            raise ValueError(f"{describe(error)}; {advice(error)}") from None
        refused = status_code(error) == 400 and any(word in str(error).lower() for word in REFUSALS)
        line |= {"status": "refused" if refused else "error", "reply": describe(error)}
    with open(folder / JOURNAL, "ab") as file:
        file.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
        file.flush()
        os.fsync(file.fileno())
    bar.update()
    return line


def _place(captioner: str, name: str) -> str:
    # The reader takes what lies here for pictures drawn for texts.
    safe = "".join(char if char.isalnum() or char in "-_ ." else "_" for char in name).lstrip(".") or "_"
    return f"images/data_generation/{captioner}/{safe}.png"


def _journal(folder: Path) -> dict[str, dict[str, Any]]:
    """The last line of each name; a torn last line counts as not written."""
    path = folder / JOURNAL
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with open(path, "r+b") as file:
            file.truncate(len(whole))
    lines = [json.loads(line) for line in whole.splitlines()]
    return {line["name"]: line for line in lines}


def _record(text: Text, line: Mapping[str, Any], captioner: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "captioner": captioner,
        "image_name": text.name,
        "image_source": "data_generation",
        "domain": text.domain,
        "status": line["status"],
        "caption": text.text,
    }
    if line["status"] != "ok":
        return {**record, "reply": line.get("reply"), "sentences": []}
    cut = splitting.cut(text.text)
    return {
        **record,
        "image": _place(captioner, text.name),
        "sentences": cut,
        "flags": asking.flags(text.text),
    }
