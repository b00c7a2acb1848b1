"""What went wrong with a call of a model, and whether it is the sentence's fault or the run's."""

from collections.abc import Iterator

import tenacity

ADVICE = {
    400: "the provider rejects such requests: a model that takes no pictures cannot be asked; choose one "
    "with vision, or ask it without pictures as a control (--blind)",
    401: "the provider refuses the key: set the right one (OPENAI_API_KEY, ANTHROPIC_API_KEY, ...)",
    402: "the account has no credit left: fill it up, then run the same command again",
    403: "the key may not use this model: choose another model or another key",
    404: "there is no such model or address: check --model and --base-url",
}
ALWAYS_FATAL = (401, 402)
ELSE = "check --model and --base-url, and whether the server is up; then run the same command again"


class StopRun(BaseException):
    """Every further call would fail as this one did. No `Exception`, so that Inspect ends the whole eval."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it was raised from, the outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        if isinstance(seen, tenacity.RetryError):
            seen = seen.last_attempt.exception()
        else:
            seen = seen.__cause__


def status_code(error: BaseException) -> int | None:
    """The HTTP status that a provider's client reports in any of its ways; None if there was no answer."""
    for each in chain(error):
        for holder in (each, getattr(each, "response", None)):
            for name in ("status_code", "status", "code"):
                value = getattr(holder, name, None)
                if isinstance(value, int) and 100 <= value < 600:
                    return value
    return None


def describe(error: BaseException) -> str:
    """One line: the innermost error's type and message."""
    innermost = list(chain(error))[-1]
    text = " ".join(str(innermost).split())
    return f"{type(innermost).__name__}: {text[:300]}"


def gave_up_retrying(error: BaseException) -> bool:
    """Whether Inspect held the error to be passing, and tried again until its limit."""
    return any(isinstance(each, tenacity.RetryError) for each in chain(error))


def is_fatal(error: BaseException) -> bool:
    """Whether no other sentence can fare better: the key or the credit is at fault."""
    status = status_code(error)
    return status in ALWAYS_FATAL or (status == 429 and not gave_up_retrying(error))


def advice(error: BaseException) -> str:
    """What the user can do about it."""
    status = status_code(error)
    if status == 429 and not gave_up_retrying(error):
        status = 402
    return ADVICE.get(status or 0, ELSE)
