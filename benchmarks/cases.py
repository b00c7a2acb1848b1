"""Each comparison: our call, the peer's, and what is promised. Long peers run in part and are scaled."""

import importlib.util
import tracemalloc
from pathlib import Path

import alignbench_auroc
import datasets
import evaluate
import numpy as np
import pyarrow as pa
from alignbench_auroc.delong import delong
from alignbench_auroc.ensembles import ensembles
from alignbench_auroc.localization import localization, words
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from . import data, peers
from .timing import Row, median, median_of

METRIC = str(Path(alignbench_auroc.__file__).with_name("alignbench_auroc.py"))
COLUMNS = ("references", "captioner", "image_id", "position", "domain")


def kinds(benchmark):
    return (("floats", benchmark.floats), ("0-100", benchmark.whole))


def columns(rows):
    """The metric's inputs, as arrays and a list."""
    types = [[code] if code >= 0 else [] for code in rows["type"]]
    return {name: rows[name].to_numpy() for name in COLUMNS} | {"hallucination_types": types}


def pooled_auroc(benchmark):
    labels = benchmark.rows["references"].to_numpy()
    for kind, scores in kinds(benchmark):
        ours = median(lambda s=scores[0]: alignbench_auroc.auroc(s, labels), 41)
        promise = "<= 1.7" if kind == "floats" else "<= 0.4"
        rivals = {
            "np.argsort": lambda s=scores[0]: np.argsort(s),
            "scikit-learn roc_auc_score": lambda s=scores[0]: roc_auc_score(labels, s),
            "scipy mannwhitneyu": lambda s=scores[0]: mannwhitneyu(s[labels == 1], s[labels == 0]),
        } | torchmetrics_auroc(scores[0], labels)
        for name, call in rivals.items():
            repeats = 41 if name == "np.argsort" else 7
            yield Row(
                "one pooled AUROC", kind, ours, name, median(call, repeats), promise if repeats == 41 else ""
            )


def torchmetrics_auroc(scores, labels):
    if importlib.util.find_spec("torchmetrics") is None:
        return {}
    import torch
    from torchmetrics.functional.classification import binary_auroc

    inputs = torch.tensor(scores) / scores.max(), torch.tensor(labels)
    return {"torchmetrics binary_auroc": lambda: binary_auroc(*inputs)}


def all_diagnostics(benchmark):
    sentences = alignbench_auroc.check_columns(**columns(benchmark.rows))
    frame = benchmark.rows.assign(position=benchmark.rows["position"].clip(upper=5))
    for kind, scores in kinds(benchmark):
        table = frame.assign(score=scores[0])
        ours = median(lambda s=scores[0]: alignbench_auroc.diagnose(s, sentences, interval=None), 15)
        peer = median(lambda t=table, p=kind == "floats": peers.diagnostics(t, p), 3)
        promise = ">= 40" if kind == "floats" else ">= 200"
        yield Row("all point estimates and diagnostics", kind, ours, "scikit-learn + pandas", peer, promise)


def cluster_bootstrap(benchmark, replicates=1000, timed=10):
    sentences = alignbench_auroc.check_columns(**columns(benchmark.rows))
    for kind, scores in kinds(benchmark):

        def ours(seed, s=scores[0]):
            return alignbench_auroc.summarize(
                s, sentences, interval="bootstrap", replicates=replicates, seed=seed
            )

        table = benchmark.rows.assign(score=scores[0])
        peer = median(lambda t=table: peers.bootstrap(t, timed), 3) * replicates / timed
        name = f"df.iloc + groupby + scikit-learn, {timed} replicates scaled"
        promise = ">= 650" if kind == "floats" else ">= 1100"
        what = f"{replicates} cluster-bootstrap replicates, 8 intervals and the mean's"
        yield Row(what, kind, median(lambda run=ours: run(0)), name, peer, promise)
        first = median_of((lambda run=ours, seed=seed: run(seed)) for seed in range(1, 8))
        yield Row(what + ", draws included", kind, first, name, peer)
        if importlib.util.find_spec("confidenceinterval"):
            yield Row(
                "interval of one AUROC",
                kind,
                analytic(scores[0], sentences),
                *rows_bootstrap(table, replicates),
            )


def analytic(scores, sentences):
    return median(lambda: alignbench_auroc.summarize(scores, sentences))


def rows_bootstrap(table, replicates, timed=10):
    """confidenceinterval's bootstrap, which resamples rows as if an image's sentences were independent."""
    from confidenceinterval import roc_auc_score as with_interval

    labels, scores = table["references"].to_list(), (table["score"] / table["score"].max()).to_list()
    call = median(lambda: with_interval(labels, scores, method="bootstrap_percentile", n_resamples=timed), 1)
    return f"confidenceinterval, {timed} replicates scaled", call * replicates / timed


def everything_at_once(benchmark):
    """A dataset's Arrow columns for us; lists for the stock metric, which takes no Arrow strings."""
    arrow = {name: pa.array(values) for name, values in columns(benchmark.rows).items()}
    arrow["predictions"] = benchmark.floats[0]
    everything = evaluate.load(METRIC, "diagnostics")
    plain = evaluate.load(METRIC)
    for metric, names in (
        (plain, ["predictions", "references"]),
        (plain, ["predictions", "references", "captioner", "image_id"]),
        (everything, list(arrow)),
    ):
        given = {name: arrow[name] for name in names}
        lists = {name: values.tolist() for name, values in given.items()}
        stock = stock_metric(datasets.Features({name: everything.features[name] for name in names}))
        ours = median(lambda m=metric, part=given: m.compute(**part), 7)
        peer = median(lambda m=stock, part=lists: m.compute(**part), 5)
        yield Row(
            f"compute() of {len(names)} columns",
            "floats",
            ours,
            "an empty stock evaluate metric",
            peer,
            ">= 15",
        )


def stock_metric(features):
    """A metric that computes nothing, through evaluate's own way."""

    class Stock(evaluate.Metric):
        def _info(self):
            return evaluate.MetricInfo(description="", citation="", features=features)

        def _compute(self, **columns):
            return {}

    return Stock()


def training_epoch(benchmark, rows=10_000, batch=100):
    metric = evaluate.load(METRIC)
    scores, table = benchmark.floats[0][:rows].tolist(), benchmark.rows[:rows]
    labels, groups = table["references"].tolist(), {n: table[n].tolist() for n in ("captioner", "image_id")}

    def epoch():
        for start in range(0, rows, batch):
            part = slice(start, start + batch)
            metric.add_batch(predictions=scores[part], references=labels[part])
        metric.compute(**groups)

    def stock():
        for start in range(0, rows, batch):
            roc_auc_score(labels[: start + batch], scores[: start + batch])

    what = f"an epoch: {rows // batch} add_batch calls and compute(), {rows} rows"
    yield Row(what, "floats", median(epoch, 5), "scikit-learn after each batch", median(stock, 3), "< 50 ms")


def delong_covariance(benchmark, timed=2):
    labels = benchmark.rows["references"].to_numpy()
    for kind, scores in kinds(benchmark):
        ours = median(lambda s=scores: delong(s, labels), 7)
        peer = median(lambda s=scores: peers.sun_xu_delong(s[:timed], labels), 3) * len(scores) / timed
        name = f"plain Sun & Xu loop, {timed} detectors scaled"
        yield Row(f"DeLong, {len(scores)} detectors", kind, ours, name, peer, ">= 25")


def all_pairs(benchmark, timed=5):
    rows = benchmark.rows
    labels, captioner = rows["references"].to_numpy(), rows["captioner"].to_numpy()
    for kind, scores in kinds(benchmark):
        named = {f"detector {i}": row for i, row in enumerate(scores)}
        ours = median(lambda d=named: ensembles(d, labels, captioner), 5)
        pairs = len(scores) * (len(scores) - 1) // 2
        calls = ((lambda s=scores, i=i: peers.ensemble(s[0], s[i], rows)) for i in range(1, timed + 1))
        peer = median_of(calls) * pairs
        name = f"pandas + scikit-learn, {timed} pairs scaled"
        yield Row(f"{pairs} ensembles", kind, ours, name, peer, ">= 25" if kind == "floats" else ">= 100")


def localize(benchmark, timed=1500):
    sentences, spans, scores = data.make_sentences()
    hits = [
        [start < span[0]["end"] and span[0]["start"] < end for start, end in words(sentence)]
        for sentence, span in zip(sentences[:timed], spans[:timed], strict=True)
    ]
    ours = median(lambda: localization(sentences, spans, word_scores=scores))
    peer = median(lambda: peers.localization(hits, scores[:timed]), 3) * len(sentences) / timed
    name = f"scikit-learn a sentence, {timed} sentences scaled"
    yield Row(f"localisation in {len(sentences):,} sentences", "floats", ours, name, peer, ">= 50")


def bootstrap_memory(benchmark):
    """Peak of extra memory in MB at 1,000 and 10,000 replicates."""
    sentences = alignbench_auroc.check_columns(**columns(benchmark.rows))
    peaks = {}
    for replicates in (1000, 10_000):
        tracemalloc.start()
        alignbench_auroc.summarize(
            benchmark.floats[0], sentences, interval="bootstrap", replicates=replicates, seed=99
        )
        peaks[replicates] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    return peaks


def growth(exponents=(4, 5, 6, 7)):
    """Rows, and for a pooled AUROC and the summary with analytic intervals ns per row and log2 of rows."""
    rng = np.random.default_rng(0)
    for exponent in exponents:
        n = 10**exponent
        labels = rng.integers(0, 2, n)
        scores = rng.normal(size=n) + labels
        groups = {"captioner": np.repeat(np.arange(8).astype(str), n // 8), "image_id": np.arange(n) // 6}
        groups["image_id"] = datasets.arrow_dataset.pa.array(
            groups["image_id"].astype(str)
        ).dictionary_encode()
        groups["captioner"] = datasets.arrow_dataset.pa.array(groups["captioner"]).dictionary_encode()
        sentences = alignbench_auroc.check_columns(labels, **groups)
        repeats = 5 if exponent < 7 else 2
        times = (
            median(lambda s=scores, y=labels: alignbench_auroc.auroc(s, y), repeats),
            median(lambda s=scores, d=sentences: alignbench_auroc.summarize(s, d), repeats),
        )
        yield [f"10^{exponent}", *(f"{time * 1e9 / n / np.log2(n):.1f}" for time in times)]


CASES = {
    "auroc": pooled_auroc,
    "diagnostics": all_diagnostics,
    "bootstrap": cluster_bootstrap,
    "compute": everything_at_once,
    "epoch": training_epoch,
    "delong": delong_covariance,
    "ensembles": all_pairs,
    "localization": localize,
}
