"""Asking a model about one caption: a conversation for each question, one `Score` for each sentence."""

import base64
import io
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol as TypingProtocol

import anyio
from inspect_ai.model import ChatMessageUser, Content, ContentImage, ContentText, Model, ModelOutput
from PIL import Image

from alignbench_tools.captions import Caption, Sentence
from alignbench_tools.protocols import Protocol
from alignbench_tools.replies import REFUSED
from alignbench_tools.scores import Score
from alignbench_tools.scoring import NO_PICTURE
from alignbench_tools.vlm.failures import StopRun, advice, describe, is_fatal

logger = logging.getLogger(__name__)

# Until something is answered, captions are tried one by one, and after so many the run is given up.
PATIENCE = 3
# What Pillow raises for bytes that are no picture, none that has a media type, or far too large a one.
UNREADABLE = (OSError, KeyError, Image.DecompressionBombError)


class Pictured(Collection[Caption], TypingProtocol):
    """Captions, and where their pictures come from: `captions.Captions`, or a part of it."""

    def picture(self, caption: Caption) -> bytes | None:
        """The original bytes; None where there is no picture."""


class Asker:
    """Asks about captions by one protocol, in one run.

    Args:
        captions: where the pictures come from.
        protocol: makes the prompts and reads the replies.
        context: ``none``, each sentence alone; ``caption``, with the whole caption.
        blind: ask without any picture, as a control; else sentences without picture are "skipped".
        keep: called with the `Score`s of each question as soon as they are there, and with the name under
            which the provider said it answered; None if it was not asked or did not answer.

    `versions` are all such names so far. `failure` is why the run was ended.
    """

    def __init__(
        self,
        captions: Pictured,
        protocol: Protocol,
        context: str = "none",
        blind: bool = False,
        keep: Callable[[Sequence[Score], str | None], None] = lambda scores, version: None,
    ) -> None:
        if context not in ("none", "caption"):
            raise ValueError(f"context {context!r}: expected none or caption")
        self.captions = captions
        self.protocol = protocol
        self.context = context
        self.blind = blind
        self.versions: set[str] = set()
        self.failure: str | None = None
        self._keep = keep
        self._gate = Gate(min(PATIENCE, len(captions)))

    async def ask(self, caption: Caption, model: Model) -> list[Score]:
        """A `Score` for each sentence of `caption`; StopRun if no sentence of any caption could be asked."""
        try:
            shown = self._shown(caption)
        except UNREADABLE as error:
            return self._unasked(caption, "error", f"the picture cannot be read: {error}")
        if shown is None:
            return self._unasked(caption, "skipped", NO_PICTURE)
        questions = self.questions(caption)
        answers: list[list[Score]] = [[] for _ in questions]

        async def put(number: int) -> None:
            prompt, sentences = questions[number]
            message = ChatMessageUser(content=[*shown, ContentText(text=prompt)])
            try:
                answers[number], version = await self._answer(caption, model, message, sentences)
                self._kept(answers[number], version)
            except GaveUpError as stop:
                self._give_up(f"{model}: {describe(stop.reason)}; {advice(stop.reason)}")
            if self.failure:
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for number in range(len(questions)):
                group.start_soon(put, number)
        # Raised out here, what ends the run is not wrapped in other errors.
        self._stop_if_over()
        return [score for answer in answers for score in answer]

    def questions(self, caption: Caption) -> list[tuple[str, Sequence[Sentence]]]:
        """The prompts for `caption`, each with the sentences that it asks about."""
        if self.protocol.kind == "caption":
            texts = [sentence.text for sentence in caption.sentences]
            return [(self.protocol.prompt_caption(texts), caption.sentences)]
        context = caption.text if self.context == "caption" else None
        return [(self.protocol.prompt(each.text, context), [each]) for each in caption.sentences]

    def _shown(self, caption: Caption) -> list[Content] | None:
        """The picture, encoded once; [] for a blind run, None where there is no picture."""
        if self.blind:
            return []
        data = self.captions.picture(caption)
        return None if data is None else [ContentImage(image=data_uri(data))]

    def _unasked(self, caption: Caption, status: str, why: str) -> list[Score]:
        scores = [Score(sentence.id, None, status, why) for sentence in caption.sentences]
        self._kept(scores, None)
        self._stop_if_over()
        return scores

    def _kept(self, scores: Sequence[Score], version: str | None) -> None:
        try:
            self._keep(scores, version)
        except OSError as error:
            self._give_up(f"a reply could not be kept: {error}; make room, then run the same command again")

    def _give_up(self, why: str) -> None:
        if not self.failure:
            self.failure = why
            logger.error(why)

    def _stop_if_over(self) -> None:
        if self.failure:
            raise StopRun(self.failure)

    async def _answer(
        self, caption: Caption, model: Model, message: ChatMessageUser, sentences: Sequence[Sentence]
    ) -> tuple[list[Score], str | None]:
        try:
            output = await self._gate.through(caption.row, lambda: self._generate(model, message))
        except GaveUpError:
            raise
        except Exception as error:
            return [Score(sentence.id, None, "error", describe(error)) for sentence in sentences], None
        self.versions.add(output.model)
        return self._read(output, sentences), output.model

    async def _generate(self, model: Model, message: ChatMessageUser) -> ModelOutput:
        output = await model.generate([message])
        if self.protocol.needs_logprobs and logprobs(output) is None:
            raise NoLogprobsError(
                f"{model} gives no log-probabilities, which protocol {self.protocol.name} is made of; choose "
                "a provider that gives them (OpenAI, vLLM, ...), or protocol score-100"
            )
        return output

    def _read(self, output: ModelOutput, sentences: Sequence[Sentence]) -> list[Score]:
        """Scores of a reply; its tokens and seconds stand with the first sentence that it is about."""
        if output.stop_reason == "content_filter":
            found = [REFUSED] * len(sentences)
        else:
            texts = [sentence.text for sentence in sentences]
            found = self.protocol.read(output.completion, logprobs(output), texts)
        usage = output.usage
        costs = [(usage and usage.input_tokens, usage and usage.output_tokens, output.time)]
        costs += [(None, None, None)] * (len(sentences) - 1)
        return [
            Score(sentence.id, score, status, output.completion, *cost, spans)
            for sentence, (status, score, spans), cost in zip(sentences, found, costs, strict=True)
        ]


class NoLogprobsError(ValueError):
    """A reply without the log-probabilities that the protocol needs."""


class GaveUpError(Exception):
    """The run cannot go on, for `reason`."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Gate:
    """Lets calls through one at a time until one succeeds, so that a wrong key costs one call, not thousands.

    Until then a caption whose question failed is not asked again, and after `patience` such captions
    `GaveUpError` is raised; at once if the failure is that of the key or the account.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._open = False
        self._over: GaveUpError | None = None
        self._failed: dict[int, Exception] = {}
        self._lock = anyio.Lock()

    async def through(self, caption: int, call: Callable[[], Awaitable[ModelOutput]]) -> ModelOutput:
        """The result of `call`; `caption` identifies the caption that it is about."""
        if not self._open:
            async with self._lock:
                if not self._open:
                    return await self._first(caption, call)
        try:
            return await call()
        except Exception as error:
            if is_fatal(error):
                raise GaveUpError(error) from error
            raise

    async def _first(self, caption: int, call: Callable[[], Awaitable[ModelOutput]]) -> ModelOutput:
        if self._over:
            raise self._over
        if caption in self._failed:
            raise self._failed[caption]
        try:
            output = await call()
        except Exception as error:
            self._failed[caption] = error
            if is_fatal(error) or isinstance(error, NoLogprobsError) or len(self._failed) >= self._patience:
                self._over = GaveUpError(error)
                raise self._over from error
            raise
        self._open = True
        return output


def logprobs(output: ModelOutput) -> list[dict[str, float]] | None:
    """For each token of the reply the alternatives and their log-probabilities; None if none are given."""
    given = output.choices[0].logprobs if output.choices else None
    if given is None or not given.content:
        return None
    return [
        {token.token: token.logprob for token in [*(place.top_logprobs or []), place]}
        for place in given.content
    ]


def data_uri(picture: bytes) -> str:
    """The picture's own bytes as a `data:` URI; raises as PIL does if they are no picture."""
    with Image.open(io.BytesIO(picture)) as image:
        # Photos in the format MPO are JPEG files with more pictures behind the first.
        kind = "image/jpeg" if image.format == "MPO" else Image.MIME[image.format or ""]
    return f"data:{kind};base64,{base64.b64encode(picture).decode('ascii')}"
