"""P(Yes) of a generative vision-language model of `transformers`: ``transformers/REPO_OR_FOLDER``.

The question and the way of reading the answer are those of the protocol ``p-yes`` (VQAScore, Lin et al., ECCV
2024, arXiv 2404.01291), on the model's own logits. A picture is read anew for each of its sentences: this is
for models that are small enough for it; larger ones are quicker behind a vLLM server (``vllm/…``).
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from PIL import Image

from alignbench_tools import protocols, token_probabilities
from alignbench_tools.captions import Caption
from alignbench_tools.detectors import checkpoints, pictures, torch_models
from alignbench_tools.scores import Score


class Question(NamedTuple):
    """A sentence to ask about, and its picture."""

    id: str
    text: str
    picture: Image.Image


class Generative:
    """P(Yes) / (P(Yes) + P(No)) for the answer's first token, each summed over its spellings; in [0, 1].

    `raw` is the token that the model would have answered with. Raises ValueError for a checkpoint that cannot
    be loaded, has no chat template, or whose tokenizer has no token for Yes or No.
    """

    needs_picture = True

    def __init__(self, name: str, place: torch_models.Place, libraries: tuple, batch_size: int) -> None:
        self._torch, transformers = libraries
        self._name, self._place, self._batch = name, place, batch_size
        self.captions_at_once = batch_size
        self._protocol = protocols.load("p-yes")
        self._processor = checkpoints.load_chat_processor(transformers, name)
        tokenizer = self._processor.tokenizer
        tokenizer.padding_side = "left"  # the answer follows the prompt's last token
        model = checkpoints.load_model(transformers.AutoModelForImageTextToText, name, place.dtype)
        self._model = model.to(place.device).eval()
        self._answers = _answers(tokenizer)
        self._usage = {"input_tokens": 0}

    def identity(self) -> dict[str, Any]:
        """The header."""
        dtype = str(self._place.dtype).removeprefix("torch.")
        return {
            "detector": f"transformers/{self._name}",
            "model": f"transformers/{self._name}",
            "model_version": torch_models.revision(self._model),
            "protocol": self._protocol.name,
            "protocol_digest": self._protocol.digest,
            "context": "none",
            "parameters": {"dtype": dtype, **checkpoints.weights(self._name)},
            "versions": {name: version(name) for name in ("torch", "transformers", "pillow")},
            "usage": dict(self._usage),
        }

    def score(self, captions: Sequence[Caption], pictures: Sequence[bytes | None]) -> Iterator[Score]:
        """A score for each sentence, in order."""
        questions, found = self._questions(captions, pictures)
        for start in range(0, len(questions), self._batch):
            found |= {row.id: row for row in self._ask(questions[start : start + self._batch])}
        for caption in captions:
            for sentence in caption.sentences:
                yield found[sentence.id]

    def _questions(
        self, captions: Sequence[Caption], data: Sequence[bytes | None]
    ) -> tuple[list[Question], dict[str, Score]]:
        """What to ask, and errors for the sentences whose picture cannot be read."""
        questions: list[Question] = []
        errors: dict[str, Score] = {}
        for caption, each in zip(captions, data, strict=True):
            try:
                picture = pictures.decode(each or b"")
            except ValueError as error:
                errors |= {s.id: Score(s.id, None, "error", str(error)) for s in caption.sentences}
            else:
                questions += [Question(s.id, s.text, picture) for s in caption.sentences]
        return questions, errors

    def _ask(self, questions: Sequence[Question]) -> list[Score]:
        try:
            inputs = self._inputs(questions)
        except ValueError as error:  # such as a picture 200 times as wide as high
            if len(questions) == 1:
                return [Score(questions[0].id, None, "error", f"the picture cannot be prepared: {error}")]
            return [row for question in questions for row in self._ask([question])]
        with self._torch.inference_mode():
            # `generate` knows each architecture's positions and masks; one token of it is one forward pass.
            out = self._model.generate(
                **inputs,
                max_new_tokens=1,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
            )
        logs = out.logits[0].double().log_softmax(-1)
        lengths = inputs["attention_mask"].sum(1).tolist()
        self._usage["input_tokens"] += sum(lengths)
        return [
            self._read(*each) for each in zip(questions, logs, logs.argmax(-1).tolist(), lengths, strict=True)
        ]

    def _read(self, question: Question, logs: Any, token: int, length: int) -> Score:
        said = self._processor.tokenizer.decode([token])
        known = {text: value for text, value in zip(self._answers, logs[self._places].tolist(), strict=True)}
        reading = token_probabilities.probability_of_yes(said, [known])
        if reading.score is None or reading.score != reading.score:
            return Score(
                question.id, None, "error", "the model's logits are no numbers; take --dtype float32"
            )
        return Score(question.id, reading.score, raw=said, input_tokens=length, output_tokens=1)

    @property
    def _places(self) -> list[int]:
        return list(self._answers.values())

    def _message(self, question: Question) -> dict[str, Any]:
        text = self._protocol.prompt(question.text)
        shown = [{"type": "image", "image": question.picture}, {"type": "text", "text": text}]
        return {"role": "user", "content": shown}

    def _inputs(self, questions: Sequence[Question]) -> dict[str, Any]:
        talks = [[self._message(question)] for question in questions]
        found = checkpoints.chat_inputs(self._processor, talks)
        return {
            key: value.to(self._place.device, self._place.dtype if value.is_floating_point() else None)
            for key, value in found.items()
        }


def _answers(tokenizer: Any) -> dict[str, int]:
    """The spellings of Yes and No among the tokens, and their ids."""
    either = {
        text: place
        for text, place in tokenizer.get_vocab().items()
        if token_probabilities.word_of(text) in token_probabilities.YES | token_probabilities.NO
    }
    words = {token_probabilities.word_of(text) for text in either}
    if words != {"yes", "no"}:
        raise ValueError(f"its tokenizer has no tokens for Yes and No, only {', '.join(either) or 'neither'}")
    return either


def build(name: str, options: Mapping[str, Any]) -> Generative:
    """``transformers/REPO_OR_FOLDER``; options `device`, `dtype`, `batch_size`."""
    libraries = torch_models.libraries(f"transformers/{name}")
    place = torch_models.place(libraries[0], options.get("device"), options.get("dtype"))
    batch_size = options.get("batch_size")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"--batch-size {batch_size}: expected at least 1")
    with torch_models.loading(f"transformers/{name}"):
        return Generative(name, place, libraries, batch_size or 8)
