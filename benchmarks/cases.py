"""Each comparison: our call, the peer's, and what is promised. Long peers run in part and are scaled."""

import importlib.util
import itertools
import tracemalloc
from functools import partial
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
from .timing import Row, median, medians

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
        score = scores[0]
        promises = {"np.argsort": "<= 1.7" if kind == "floats" else "<= 0.4"}
        rivals = {
            "np.argsort": partial(np.argsort, score),
            "scikit-learn roc_auc_score": partial(roc_auc_score, labels, score),
            "scipy mannwhitneyu": partial(mannwhitneyu, score[labels == 1], score[labels == 0]),
        } | torchmetrics_auroc(score, labels)
        for name, rival in rivals.items():
            ours, peer = medians(partial(alignbench_auroc.auroc, score, labels), rival, 21)
            yield Row("one pooled AUROC", kind, ours, name, peer, promises.get(name, ""))


def torchmetrics_auroc(scores, labels):
    if importlib.util.find_spec("torchmetrics") is None:
        return {}
    import torch
    from torchmetrics.functional.classification import binary_auroc

    inputs = torch.tensor(scores) / scores.max(), torch.tensor(labels)
    return {"torchmetrics binary_auroc": partial(binary_auroc, *inputs)}


def all_diagnostics(benchmark):
    sentences = alignbench_auroc.check_columns(**columns(benchmark.rows))
    frame = benchmark.rows.assign(position=benchmark.rows["position"].clip(upper=5))
    for kind, scores in kinds(benchmark):
        ours, peer = medians(
            partial(alignbench_auroc.diagnose, scores[0], sentences, interval=None),
            partial(peers.diagnostics, frame.assign(score=scores[0]), kind == "floats"),
            5,
        )
        promise = ">= 40" if kind == "floats" else ">= 200"
        yield Row("all point estimates and diagnostics", kind, ours, "scikit-learn + pandas", peer, promise)


def cluster_bootstrap(benchmark, replicates=1000, timed=10):
    sentences = alignbench_auroc.check_columns(**columns(benchmark.rows))
    what = f"{replicates} cluster-bootstrap replicates, 8 intervals and the mean's"
    for kind, scores in kinds(benchmark):
        table = benchmark.rows.assign(score=scores[0])
        summarize = partial(
            alignbench_auroc.summarize, scores[0], sentences, interval="bootstrap", replicates=replicates
        )
        peer_call = partial(peers.bootstrap, table, timed)
        name = f"df.iloc + groupby + scikit-learn, {timed} replicates scaled"
        ours, peer = medians(summarize, peer_call)
        promise = ">= 650" if kind == "floats" else ">= 1100"
        yield Row(what, kind, ours, name, peer * replicates / timed, promise)
        seeds = itertools.count(1)
        ours, peer = medians(lambda run=summarize, s=seeds: run(seed=next(s)), peer_call)
        yield Row(what + ", draws included", kind, ours, name, peer * replicates / timed)
        if importlib.util.find_spec("confidenceinterval"):
            ours, peer = medians(
                partial(alignbench_auroc.summarize, scores[0], sentences), rows_bootstrap(table, timed), 3
            )
            name = f"confidenceinterval (rows), {timed} replicates scaled"
            yield Row("AUROC with analytic intervals", kind, ours, name, peer * replicates / timed)


def rows_bootstrap(table, replicates):
    """confidenceinterval's bootstrap, which resamples rows as if an image's sentences were independent."""
    from confidenceinterval import roc_auc_score as with_interval

    labels, scores = table["references"].to_list(), (table["score"] / table["score"].max()).to_list()
    return partial(with_interval, labels, scores, method="bootstrap_percentile", n_resamples=replicates)


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
        ours, peer = medians(partial(metric.compute, **given), partial(stock.compute, **lists))
        what = f"compute() of {len(names)} columns"
        yield Row(what, "floats", ours, "an empty stock evaluate metric", peer, ">= 15")


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
    ours, peer = medians(epoch, stock, 5)
    yield Row(what, "floats", ours, "scikit-learn after each batch", peer, "< 50 ms")


def delong_covariance(benchmark, timed=2):
    labels = benchmark.rows["references"].to_numpy()
    for kind, scores in kinds(benchmark):
        ours, peer = medians(
            partial(delong, scores, labels), partial(peers.sun_xu_delong, scores[:timed], labels), 5
        )
        name = f"plain Sun & Xu loop, {timed} detectors scaled"
        peer *= len(scores) / timed
        yield Row(f"DeLong, {len(scores)} detectors", kind, ours, name, peer, ">= 25")


def all_pairs(benchmark, timed=5):
    rows = benchmark.rows
    labels, captioner = rows["references"].to_numpy(), rows["captioner"].to_numpy()
    for kind, scores in kinds(benchmark):
        named = {f"detector {i}": row for i, row in enumerate(scores)}
        pairs = len(scores) * (len(scores) - 1) // 2
        ours, peer = medians(
            partial(ensembles, named, labels, captioner),
            lambda s=scores: [peers.ensemble(s[0], s[i], rows) for i in range(1, timed + 1)],
        )
        peer *= pairs / timed
        name = f"pandas + scikit-learn, {timed} pairs scaled"
        yield Row(f"{pairs} ensembles", kind, ours, name, peer, ">= 25" if kind == "floats" else ">= 100")


def localize(benchmark, timed=1500):
    sentences, spans, scores = data.make_sentences()
    hits = [
        [start < span[0]["end"] and span[0]["start"] < end for start, end in words(sentence)]
        for sentence, span in zip(sentences[:timed], spans[:timed], strict=True)
    ]
    ours, peer = medians(
        partial(localization, sentences, spans, word_scores=scores),
        partial(peers.localization, hits, scores[:timed]),
        5,
    )
    peer *= len(sentences) / timed
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
            median(partial(alignbench_auroc.auroc, scores, labels), repeats),
            median(partial(alignbench_auroc.summarize, scores, sentences), repeats),
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
