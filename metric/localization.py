"""How well a detector points at the hallucinated words of a sentence.

A *word* is a longest run of characters that are neither white space nor punctuation, by Unicode
(``str.isspace``; general categories P*). An apostrophe or hyphen between two such characters belongs to
the word: "don't" and "red-haired" are one word each, "left/right" is two.

A word is *hallucinated* if it shares a character with an annotated span. Sentences count in which at
least one word is; the others have nothing to find and are left out.

Average precision (*AP*) of one sentence ranks its words by score, higher meaning more likely
hallucinated. With precision ``P_k`` and recall ``R_k`` over the words that score at least the k-th
highest distinct score, ``AP = sum_k (R_k - R_(k-1)) P_k``, as scikit-learn's
``average_precision_score``; tied words form one threshold. A captioner's AP is the mean over its
sentences; the overall AP is the unweighted mean over captioners. The paper prints average precisions
(its table of segment localisation) but not the unit that is ranked: words and the mean over sentences
are this module's reading.
"""

import itertools
import unicodedata
from typing import NamedTuple

import numpy as np

JOINERS = "'’-‐‑"


def words(sentence):
    """The words of a sentence as a list of (start, end), in code points, as the module defines them."""
    found = _find_words([sentence])
    return list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))


def localization(sentences, spans, *, word_scores=None, predicted_spans=None, captioner=None):
    """Score predicted places of hallucination against the annotated spans.

    Parameters
    ----------
    sentences : list of str
    spans : list of lists of {"start", "end"}
        Annotated spans of each sentence, code points, ``sentence[start:end]``, as in the column
        `spans` of the dataset. None or an empty list where there is none.
    word_scores : list of sequences of float, optional
        A score for each of :func:`words` of the sentence; higher means more likely hallucinated.
        Not looked at where a sentence has no spans.
    predicted_spans : list of lists of {"start", "end"}, optional
        Each may have a "score" (1 where it has none). A word scores as the highest predicted span
        that shares a character with it, and below all others if there is none.
        Exactly one of `word_scores` and `predicted_spans` is given.
    captioner : sequence of str, optional
        Whose sentence it is. Without it, all means are over all sentences.

    Returns
    -------
    dict
        ``average_precision``, in [0, 1]; ``prevalence``, the share of hallucinated words, which is the
        AP of giving every word the same score; with predicted spans, ``character_f1`` (2 |P and G| /
        (|P| + |G|)) and ``character_iou`` (|P and G| / |P or G|) of the sets P and G of predicted and
        annotated characters, white space included; ``sentences`` that count and ``left_out``.
        Each value is a mean over the captioners, of which each has the same entries under
        ``captioners``. NaN, left out of the mean, for a captioner without a sentence that counts.

    Raises
    ------
    ValueError
        Lengths that differ, a span outside its sentence, not one score a word, or a score that is not
        finite. The message names the sentence by its place, from 0.
    """
    if (word_scores is None) == (predicted_spans is None):
        raise ValueError("expected either word_scores or predicted_spans, got both or neither")
    predictions = word_scores if predicted_spans is None else predicted_spans
    rows = _rows_with_spans(sentences, spans, predictions, captioner)
    found = _find_words([sentences[i] for i in rows])
    gold = _Spans.read([spans[i] for i in rows], rows, found)
    hallucinated = np.zeros(found.starts.size, dtype=bool)
    hallucinated[gold.words_under(found)[0]] = True

    chosen = [() if predictions[i] is None else predictions[i] for i in rows]
    values = {}
    if predicted_spans is None:
        scores = _flatten_word_scores(chosen, rows, found)
    else:
        predicted = _Spans.read(chosen, rows, found)
        scores = _score_words(predicted, found)
        values["character_f1"], values["character_iou"] = _character_overlap(gold, predicted, found)
    totals = np.bincount(found.sentence, minlength=len(rows))
    positives = np.bincount(found.sentence, weights=hallucinated, minlength=len(rows))
    counted = positives > 0
    precision = _average_precision(scores, hallucinated, found.sentence, positives)
    values = {"average_precision": precision, "prevalence": _ratio(positives, totals), **values}
    values = {name: value[counted] for name, value in values.items()}
    return _summary(values, np.asarray(rows, dtype=np.intp)[counted], len(sentences), captioner)


class _Words(NamedTuple):
    """The words of many sentences, their offsets in the sentences joined by line feeds."""

    starts: np.ndarray
    ends: np.ndarray
    sentence: np.ndarray
    offsets: np.ndarray
    """Where each sentence starts, and one past the last one's line feed."""


class _Spans(NamedTuple):
    """Spans of many sentences, with offsets as those of :class:`_Words`."""

    starts: np.ndarray
    ends: np.ndarray
    scores: np.ndarray

    @classmethod
    def read(cls, span_lists, rows, found):
        table = [
            (i, span.get("start", -1), span.get("end", -1), span.get("score", 1.0))
            for i, spans in enumerate(span_lists)
            for span in spans
        ]
        sentence, starts, ends, scores = np.array(table, dtype=np.float64).reshape(-1, 4).T
        sentence = sentence.astype(np.intp)
        lengths = (np.diff(found.offsets) - 1)[sentence]
        wrong = ~((0 <= starts) & (starts < ends) & (ends <= lengths) & np.isfinite(scores))
        wrong |= (starts != np.floor(starts)) | (ends != np.floor(ends))
        if wrong.any():
            first = np.flatnonzero(wrong)[0]
            i, start, end, score = table[first]
            raise ValueError(
                f"sentence {rows[i]}: expected a span with 0 <= start < end <= {lengths[first]} (the "
                f"sentence's length) and a finite score, got start {start}, end {end}, score {score}"
            )
        base = found.offsets[sentence]
        return cls(base + starts.astype(np.intp), base + ends.astype(np.intp), scores)

    def words_under(self, found):
        """Indices (word, span) of every word and span that share a character."""
        first = np.searchsorted(found.ends, self.starts, side="right")
        counts = np.searchsorted(found.starts, self.ends, side="left") - first
        span = np.repeat(np.arange(counts.size), counts)
        within = np.arange(span.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return first[span] + within, span

    def cover(self, size):
        """Which characters of the joined sentences are in any of the spans."""
        opened = np.bincount(self.starts, minlength=size) - np.bincount(self.ends, minlength=size)
        return np.cumsum(opened) > 0


def _rows_with_spans(sentences, spans, predictions, captioner):
    lengths = {"sentences": len(sentences), "spans": len(spans), "predictions": len(predictions)}
    if captioner is not None:
        lengths["captioner"] = len(captioner)
    if len(set(lengths.values())) > 1:
        raise ValueError(f"expected one entry a sentence in every column, got {lengths}")
    return [i for i, row_spans in enumerate(spans) if row_spans]


def _find_words(sentences):
    joined = "\n".join(sentences) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    is_word, is_joiner = np.zeros((2, int(codes.max()) + 1), dtype=bool)
    for character in set(joined):
        is_word[ord(character)] = not (character.isspace() or unicodedata.category(character)[0] == "P")
        is_joiner[ord(character)] = character in JOINERS
    inside = is_word[codes]
    joins = is_joiner[codes[1:-1]] & inside[:-2] & inside[2:]
    inside[1:-1] |= joins
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    lengths = np.fromiter(map(len, sentences), dtype=np.intp, count=len(sentences))
    offsets = np.concatenate(([0], np.cumsum(lengths + 1)))
    starts, ends = edges[::2], edges[1::2]
    return _Words(starts, ends, np.searchsorted(offsets, starts, side="right") - 1, offsets)


def _flatten_word_scores(word_scores, rows, found):
    expected = np.bincount(found.sentence, minlength=len(rows))
    got = np.fromiter(map(len, word_scores), dtype=np.intp, count=len(rows))
    if not np.array_equal(expected, got):
        i = np.flatnonzero(expected != got)[0]
        raise ValueError(
            f"sentence {rows[i]}: expected {expected[i]} scores, one for each of words(sentence), "
            f"got {got[i]}"
        )
    scores = np.fromiter(itertools.chain.from_iterable(word_scores), dtype=np.float64, count=got.sum())
    if not np.isfinite(scores).all():
        i = found.sentence[np.flatnonzero(~np.isfinite(scores))[0]]
        raise ValueError(f"sentence {rows[i]}: expected finite word scores, got {list(word_scores[i])}")
    return scores


def _score_words(predicted, found):
    scores = np.full(found.starts.size, -np.inf)
    word, span = predicted.words_under(found)
    np.maximum.at(scores, word, predicted.scores[span])
    return scores


def _average_precision(scores, positive, sentence, positives):
    """AP of every sentence; NaN where it has no positive word."""
    order = np.lexsort((-scores, sentence))
    scores, positive = scores[order], positive[order]
    new_level = (scores[1:] != scores[:-1]) | (sentence[1:] != sentence[:-1])
    level_ends = np.append(np.flatnonzero(new_level), scores.size - 1)
    level = np.concatenate(([0], np.cumsum(new_level)))[: scores.size]
    hits = np.flatnonzero(positive)
    last = level_ends[level[hits]]
    first_word = np.searchsorted(sentence, sentence[hits])
    found_before = np.cumsum(positive) - positive
    precision = (found_before[last] + positive[last] - found_before[first_word]) / (last - first_word + 1)
    return _ratio(np.bincount(sentence[hits], weights=precision, minlength=positives.size), positives)


def _character_overlap(gold, predicted, found):
    size = int(found.offsets[-1])
    gold, predicted = gold.cover(size), predicted.cover(size)
    counts = [
        np.diff(np.concatenate(([0], np.cumsum(characters)))[found.offsets])
        for characters in (gold & predicted, gold, predicted)
    ]
    both, in_gold, in_predicted = counts
    return _ratio(2 * both, in_gold + in_predicted), _ratio(both, in_gold + in_predicted - both)


def _ratio(numerator, denominator):
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)


def _summary(values, rows, size, captioner):
    counts = {"sentences": len(rows), "left_out": size - len(rows)}
    if captioner is None:
        return {**{name: _mean(value) for name, value in values.items()}, **counts, "captioners": {}}
    names, group = np.unique(np.asarray(captioner), return_inverse=True)
    parts = {}
    for i, name in enumerate(names.tolist()):
        mine = group[rows] == i
        parts[name] = {key: _mean(value[mine]) for key, value in values.items()}
        parts[name] |= {"sentences": int(mine.sum()), "left_out": int((group == i).sum() - mine.sum())}
    means = {key: _mean(np.array([part[key] for part in parts.values()])) for key in values}
    return {**means, **counts, "captioners": parts}


def _mean(values):
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
