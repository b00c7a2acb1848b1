"""What a model with hidden scores answers: its replies to the questions of a protocol."""

import json
import math

from . import question


def replies(captions, protocol, scores, context="none", blind=False):
    """Replies, by question, of a model that holds each sentence for as correct as `scores` (0 to 100) say.

    Sentences with the same text and picture get the score of the first; `scores` is changed accordingly.
    """
    found, said = {}, {}
    for caption in captions:
        picture = None if blind else captions.picture(caption)
        if protocol.kind == "caption":
            prompt = protocol.prompt_caption([sentence.text for sentence in caption.sentences])
            found[question(prompt, picture)] = _of_caption(caption, scores)
            continue
        for sentence in caption.sentences:
            shown = caption.text if context == "caption" else None
            key = question(protocol.prompt(sentence.text, shown), picture)
            scores[sentence.id] = said.setdefault(key, scores[sentence.id])
            found[key] = _of_sentence(protocol.kind, scores[sentence.id])
    return found


def _of_sentence(kind, score):
    if kind == "score":
        return str(score)
    if kind == "expected":
        return [str(score), [{str(score): 0.0}]]
    yes = min(max(score / 100, 1e-9), 1 - 1e-9)
    return ["Yes" if yes > 0.5 else "No", [{"Yes": math.log(yes), "No": math.log(1 - yes)}]]


def _of_caption(caption, scores):
    rows = [{"index": n, "score": scores[each.id]} for n, each in enumerate(caption.sentences, 1)]
    return json.dumps({"scores": rows})
