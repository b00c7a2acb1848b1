"""Medians of repeated calls, and the row of the table that comes out of two of them."""

import statistics
import time
from typing import NamedTuple


class Row(NamedTuple):
    """One comparison; times in seconds."""

    what: str
    scores: str
    ours: float
    peer_name: str
    peer: float
    promise: str = ""
    """Smallest ratio promised, or largest share of the peer's time where that is what is promised."""

    def cells(self):
        ratio = self.peer / self.ours
        shown = f"{ratio:,.0f}x" if ratio >= 9.5 else f"{ratio:.2f}x"
        if self.promise.startswith("<="):
            shown = f"{self.ours / self.peer:.2f} of it"
        return [
            self.what,
            self.scores,
            _time(self.ours),
            self.peer_name,
            _time(self.peer),
            shown,
            self.promise,
        ]


def median(call, repeats=7):
    """Median time of a call in seconds, after one call that is not counted."""
    call()
    return statistics.median(_clock(call) for _ in range(repeats))


def medians(ours, peer, repeats=7):
    """Median times of two calls made in turn, so that what else the machine does befalls both."""
    ours()
    peer()
    times = [(_clock(ours), _clock(peer)) for _ in range(repeats)]
    return tuple(map(statistics.median, zip(*times, strict=True)))


def _clock(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _time(seconds):
    if seconds >= 10:
        return f"{seconds:.0f} s"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
