"""The scores file: what one detector, asked by one protocol, said of every sentence, and how it was asked.

JSON Lines: the first line is the header, an object with the key ``alignbench_scores``; each further line is
one sentence (`Score`, fields that are null left out). Parquet: the same columns, the header as JSON in the
schema's metadata. A JSON Lines file of bare ``{"id": …, "score": …}`` objects is read as well, and the
detector is then named like the file.
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq

from alignbench import write_atomically

FORMAT = 1
KEY = "alignbench_scores"
STATUSES = ("ok", "refused", "unparsed", "error", "skipped")
# What two runs must have in common to be parts of one.
IDENTITY = ("detector", "model", "protocol", "protocol_digest", "context", "parameters")
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "score": pa.float64(),
        "status": pa.string(),
        "raw": pa.string(),
        "input_tokens": pa.int64(),
        "output_tokens": pa.int64(),
        "seconds": pa.float64(),
        "spans": pa.list_(pa.struct({"start": pa.int32(), "end": pa.int32(), "score": pa.float64()})),
    }
)


class Score(NamedTuple):
    """What a detector said of one sentence.

    `score` is a finite number exactly where `status` is "ok". `raw` is the reply as it came; of an "error"
    and of a "skipped" sentence (one without picture: no sentence is judged blind) what went wrong. `spans`
    are places in the sentence held to be wrong: {"start", "end" (code points), "score"}.
    """

    id: str
    score: float | None
    status: str = "ok"
    raw: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    spans: list[dict[str, Any]] | None = None


class Scores:
    """A header and a table with the columns of `SCHEMA`; `name` is the file's, for messages.

    Raises ValueError if the header names no detector, if an id is missing or repeated, if a status is not
    one of `STATUSES`, and if a sentence that is "ok" has no finite score or another one has a score.
    """

    def __init__(self, header: Mapping[str, Any], table: pa.Table, name: str = "scores") -> None:
        self.header = dict(header)
        self.table = table
        self.name = name
        if not isinstance(self.header.get("detector"), str) or not self.header["detector"]:
            raise ValueError(
                f"{name}: header: expected the name of a detector, got {header.get('detector')!r}"
            )
        _check(table, name)

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: Iterable[Score], name: str = "scores") -> "Scores":
        """Scores from `Score`s, in their order."""
        columns = list(zip(*map(_storable, rows), strict=True)) or [[] for _ in SCHEMA]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        return cls(header, pa.table(arrays, schema=SCHEMA), name)

    def __len__(self) -> int:
        return self.table.num_rows

    @property
    def detector(self) -> str:
        """The name to show."""
        return self.header["detector"]

    def rows(self) -> list[Score]:
        """Every row as a `Score`."""
        columns = (self.table[name].to_pylist() for name in SCHEMA.names)
        return [Score(*row) for row in zip(*columns, strict=True)]

    def counts(self) -> dict[str, int]:
        """Number of sentences by status, in the order of `STATUSES`; those that occur."""
        counted = Counter(self.table["status"].to_pylist())
        return {status: counted[status] for status in STATUSES if counted[status]}

    def aligned(self, ids: Sequence[str] | pa.ChunkedArray) -> np.ndarray:
        """Scores in the order of `ids`, float64 of shape (n,), NaN where there is none.

        Raises ValueError for sentences that are not among `ids` although their captioner is: the scores
        are of other data.
        """
        column = self.table["score"].combine_chunks()
        return column.take(self._places(ids)).to_numpy(zero_copy_only=False).astype(np.float64)

    def spans(self, ids: Sequence[str] | pa.ChunkedArray) -> list[list[dict[str, Any]] | None]:
        """Places held to be wrong in the order of `ids`, None where the detector gave no opinion."""
        return self.table["spans"].combine_chunks().take(self._places(ids)).to_pylist()

    def _places(self, ids: Sequence[str] | pa.ChunkedArray) -> pa.Array:
        wanted = pa.array(ids, pa.string()) if not isinstance(ids, pa.ChunkedArray) else ids.combine_chunks()
        own = self.table["id"].combine_chunks()
        strangers = own.filter(pc.invert(pc.is_in(own, value_set=wanted))).to_pylist()
        captioners = {captioner_of(name) for name in wanted.to_pylist()} if strangers else set()
        strangers = [name for name in strangers if captioner_of(name) in captioners]
        if strangers:
            raise ValueError(
                f"{self.name}: {len(strangers):,} of {len(self):,} ids are not in the data, such as "
                f"{', '.join(map(repr, strangers[:3]))}; give the release that was scored (--data-dir, "
                "--release, --revision or --sample)"
            )
        return pc.index_in(wanted, value_set=own)


def captioner_of(name: str) -> str:
    """The captioner in an id ``captioner/image_id/position``."""
    return name.partition("/")[0]


def _check(table: pa.Table, name: str) -> None:
    ids, status, score = table["id"], table["status"], table["score"]
    if ids.null_count:
        raise ValueError(
            f"{name}: {ids.null_count:,} rows have no id; every row needs the id of its sentence"
        )
    if pc.count_distinct(ids).as_py() != len(ids):
        repeated = [key for key, number in Counter(ids.to_pylist()).items() if number > 1]
        raise ValueError(
            f"{name}: {len(repeated):,} ids stand in it more than once, such as {repeated[0]!r}; "
            "`alignbench merge` resolves repetitions between files, within one file there must be none"
        )
    known = pc.is_in(status, value_set=pa.array(STATUSES))
    wrong = pc.or_(
        pc.invert(known), pc.not_equal(pc.equal(status, "ok"), pc.fill_null(pc.is_finite(score), False))
    )
    wrong = pc.or_(wrong, pc.and_(pc.not_equal(status, "ok"), pc.is_valid(score)))
    if pc.any(wrong).as_py():
        row = table.filter(wrong).slice(0, 1).to_pylist()[0]
        raise ValueError(
            f"{name}: id {row['id']!r}: expected a finite score with status ok, or none with one of "
            f"{', '.join(STATUSES[1:])}; got score {row['score']} with status {row['status']!r}"
        )


def read(path: str | Path) -> Scores:
    """The scores in `path` (.jsonl or .parquet); ValueError names file, line and field of what is wrong."""
    path = Path(path)
    if path.suffix == ".parquet":
        try:
            table = pq.read_table(path)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: expected a Parquet file, got none that can be read: {error}") from None
        header = (table.schema.metadata or {}).get(KEY.encode(), b"{}")
        return Scores(_header(json.loads(header), path), _typed(table, path), str(path))
    if path.suffix not in (".jsonl", ".json", ".ndjson"):
        raise ValueError(f"{path}: expected a name that ends in .jsonl or .parquet")
    data = path.read_bytes()
    if not data.strip():
        raise ValueError(f"{path}: expected a header and a line for each sentence, got an empty file")
    first, _, rest = data.partition(b"\n")
    header = _json_object(first, path, 1)
    headed = KEY in header
    table = _read_lines(rest if headed else data, path, 2 if headed else 1)
    return Scores(_header(header if headed else {}, path), _typed(table, path), str(path))


def _header(header: dict[str, Any], path: Path) -> dict[str, Any]:
    if header.get(KEY, FORMAT) != FORMAT:
        raise ValueError(f"{path}: expected scores of format {FORMAT}, got {header[KEY]}; update alignbench")
    return {"detector": path.stem, **header}


def _json_object(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ValueError(
            f"{path}, line {number}: expected a JSON object, got {line[:60]!r} ({error})"
        ) from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}, line {number}: expected a JSON object, got {line[:60]!r}")
    return value


def _read_lines(data: bytes, path: Path, first: int) -> pa.Table:
    if not data.strip():
        return SCHEMA.empty_table()
    options = pyarrow.json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore")
    block = pyarrow.json.ReadOptions(block_size=1 << 26)
    try:
        return pyarrow.json.read_json(io.BytesIO(data), block, options)
    except pa.ArrowInvalid:
        return _read_line_by_line(data, path, first)


def _read_line_by_line(data: bytes, path: Path, first: int) -> pa.Table:
    """As Python reads JSON, which takes NaN; slower, and able to say which line is at fault."""
    rows = []
    for number, line in enumerate(data.split(b"\n"), first):
        if line.strip():
            record = _json_object(line, path, number)
            try:
                rows.append(pa.Table.from_pylist([record], schema=SCHEMA).to_pylist()[0])
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise ValueError(f"{path}, line {number}: {error}; see `Score` for the types") from None
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _typed(table: pa.Table, path: Path) -> pa.Table:
    """`table` with exactly the columns of `SCHEMA`; bare scores get a status."""
    if "id" not in table.column_names or "score" not in table.column_names:
        raise ValueError(f"{path}: expected columns id and score, got {', '.join(table.column_names)}")
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in SCHEMA
    ]
    table = pa.table(columns, schema=SCHEMA)
    if table["status"].null_count:
        finite = pc.fill_null(pc.is_finite(table["score"]), False)
        status = pc.coalesce(table["status"], pc.if_else(finite, "ok", "error"))
        score = pc.if_else(pc.equal(status, "error"), pa.scalar(None, pa.float64()), table["score"])
        table = table.set_column(1, SCHEMA.field("score"), score).set_column(
            2, SCHEMA.field("status"), status
        )
    return table


def write(scores: Scores, path: str | Path) -> None:
    """Write to `path`, .jsonl or .parquet, whole or not at all."""
    path = Path(path)
    header = {KEY: FORMAT, **scores.header}
    if path.suffix == ".parquet":
        sink = io.BytesIO()
        metadata = {KEY: json.dumps(header, ensure_ascii=False, sort_keys=True)}
        pq.write_table(scores.table.replace_schema_metadata(metadata), sink, compression="zstd")
        write_atomically(path, sink.getvalue())
    elif path.suffix == ".jsonl":
        lines = [header, *map(as_record, scores.rows())]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_atomically(path, text.encode())
    else:
        raise ValueError(f"{path}: expected a name that ends in .jsonl or .parquet")


def as_record(score: Score) -> dict[str, Any]:
    """A line of the JSON Lines form: nulls left out, but for the score itself."""
    fields = _storable(score)._asdict()
    return {field: value for field, value in fields.items() if value is not None or field == "score"}


def _storable(score: Score) -> Score:
    """A reply may hold halves of surrogate pairs, which UTF-8 does not: they are kept as escapes."""
    if score.raw is None or score.raw.isascii():
        return score
    return score._replace(raw=score.raw.encode("utf-8", "backslashreplace").decode())


def check_same(header: Mapping[str, Any], other: Mapping[str, Any], what: str = "the two runs") -> None:
    """ValueError that lists every difference, if two headers are not of one detector, asked in one way, on
    the same sentences; captioners that only one of them has are no difference."""
    found = [
        f"{field}: {header.get(field)!r} / {other.get(field)!r}"
        for field in IDENTITY
        if header.get(field) != other.get(field)
    ]
    mine, others = _captioners(header), _captioners(other)
    found += [
        f"data of {name}: {mine[name]} / {others[name]}"
        for name in mine
        if name in others and mine[name] != others[name]
    ]
    if found:
        raise ValueError(f"{what} differ in " + "; ".join(found))


def check_data(scores: Scores, data: Mapping[str, Any]) -> None:
    """ValueError if `scores` are of other sentences than `data`, a `captions.Captions.data`."""
    try:
        check_same({"data": scores.header.get("data")}, {"data": data}, f"{scores.name} and the data given")
    except ValueError as error:
        raise ValueError(f"{error}; give the release that was scored, or score this one") from None


def _captioners(header: Mapping[str, Any]) -> Mapping[str, Any]:
    return (header.get("data") or {}).get("captioners") or {}
