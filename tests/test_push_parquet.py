"""Parquet as it is pushed: each picture once, right features, readable by others than `datasets`."""

import hashlib
import random

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from releases import make_release

import alignbench
from alignbench_tools import parquet

VIEWER_LIMIT = 286 << 20


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("parquet") / "release", pictures=8, sentences=6)


@pytest.fixture(scope="module")
def tables(release):
    """Both configs with all pictures, as the builder makes them."""
    options = {"data_dir": str(release), "image_dirs": {"COCO": str(release.parent / "coco")}}
    cache = str(release.parent / "cache")
    return {
        name: datasets.load_dataset("alignbench", name, split="test", cache_dir=cache, **options).data.table
        for name in ("sentences", "captions")
    }


@pytest.fixture(scope="module")
def pictures(release):
    """Contents of all picture files."""
    return {path.read_bytes() for path in release.parent.rglob("*.png")}


def write(table, folder, config="sentences", **options):
    options.setdefault("embed_urls", True)
    return list(parquet.write_config(table, alignbench.features(config), folder, config, **options))


def read(files, folder):
    return pa.concat_tables(pq.read_table(folder / file.name) for file in files)


@pytest.mark.parametrize("config", ["sentences", "captions"])
def test_each_picture_is_stored_once(tables, pictures, tmp_path, config):
    files = write(tables[config], tmp_path, config)
    stored = sum(file.nbytes for file in files)
    unique = sum(map(len, pictures))
    text = tables[config].drop_columns(["image"]).nbytes
    assert unique < stored <= 1.10 * unique + text
    repeated = sum(len(image["bytes"]) for image in read(files, tmp_path)["image"].to_pylist())
    assert repeated >= 2 * unique


def test_pictures_come_back_byte_for_byte(tables, pictures, tmp_path):
    found = read(write(tables["sentences"], tmp_path), tmp_path)["image"].to_pylist()
    assert {image["bytes"] for image in found} == pictures
    by_id = {image["path"]: hashlib.sha256(image["bytes"]).hexdigest() for image in found}
    assert all("/" not in name for name in by_id)


def test_order_of_the_release_does_not_matter(tables, tmp_path):
    order = list(range(tables["sentences"].num_rows))
    random.Random(3).shuffle(order)
    shuffled = write(tables["sentences"].take(order), tmp_path / "b")
    straight = write(tables["sentences"], tmp_path / "a")
    assert [file.sha256 for file in shuffled] == [file.sha256 for file in straight]


def test_pictures_with_an_address_stay_out_by_default(tables, tmp_path):
    rows = read(write(tables["sentences"], tmp_path, embed_urls=False), tmp_path).to_pylist()
    assert {row["image_url"] is None: row["image"] is None for row in rows} == {True: False, False: True}


def test_groups_are_bounded_and_each_is_a_file(tables, tmp_path):
    limit = 200_000
    files = write(tables["sentences"], tmp_path, group_bytes=limit)
    assert len(files) > 3
    for file in files:
        assert pq.read_metadata(tmp_path / file.name).num_row_groups == 1
        assert file.read_bytes <= 1.1 * limit
    assert read(files, tmp_path).num_rows == tables["sentences"].num_rows


def test_groups_end_between_pictures(tables, tmp_path):
    files = write(tables["sentences"], tmp_path, group_bytes=1_000_000)
    names = [
        set(pq.read_table(tmp_path / file.name)["image"].combine_chunks().field("path").to_pylist())
        for file in files
    ]
    assert len(files) > 1
    assert sum(map(len, names)) == len(set.union(*names))


def test_default_limit_leaves_room_under_that_of_the_viewer():
    # A group may pass its limit by one row, and a picture has a cap.
    assert parquet.GROUP_BYTES + parquet.PICTURE_BYTES < VIEWER_LIMIT


def test_picture_over_the_cap_is_named(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "PICTURE_BYTES", 1000)
    with pytest.raises(
        parquet.PictureTooLargeError, match=r"picture COCO/0+ .*expected at most 1,000 bytes, got"
    ):
        write(tables["sentences"], tmp_path)


@pytest.mark.parametrize("config", ["sentences", "captions"])
def test_metadata_of_the_files_give_the_features_of_the_builder(tables, tmp_path, config):
    files = write(tables[config], tmp_path, config)
    schema = pq.read_schema(tmp_path / files[0].name)
    assert datasets.Features.from_arrow_schema(schema) == alignbench.features(config)
    # `List` is what datasets before 4 cannot read.
    assert b'"List"' not in schema.metadata[b"huggingface"]


@pytest.mark.parametrize("config", ["sentences", "captions"])
def test_rows_are_those_of_the_builder(tables, tmp_path, config):
    found = {row["id"]: row for row in read(write(tables[config], tmp_path, config), tmp_path).to_pylist()}
    built = {row["id"]: row for row in tables[config].to_pylist()}
    assert found.keys() == built.keys()
    for name, row in built.items():
        assert {k: v for k, v in row.items() if k != "image"} == {
            k: v for k, v in found[name].items() if k != "image"
        }


def test_file_facts_are_those_of_the_file(tables, tmp_path):
    (file,) = write(tables["sentences"], tmp_path)
    content = (tmp_path / file.name).read_bytes()
    assert file.name == "sentences/test-00000-of-00001.parquet"
    assert (file.nbytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    labels = tables["sentences"]["label"].to_pylist()
    assert file.labels == {
        "incorrect": labels.count(0),
        "correct": labels.count(1),
        "unknown": labels.count(2),
    }
    (captions,) = write(tables["captions"], tmp_path, "captions")
    assert captions.labels == file.labels


def test_spans_hold_in_pandas_polars_and_duckdb(tables, tmp_path):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    import pandas

    (file,) = write(tables["sentences"], tmp_path)
    path = str(tmp_path / file.name)
    frames = [
        polars.read_parquet(path).to_dicts(),
        pandas.read_parquet(path).to_dict("records"),
        duckdb.sql(f"select sentence, label, spans from read_parquet('{path}')").fetchdf().to_dict("records"),
    ]
    wrong = tables["sentences"]["label"].to_pylist().count(0)
    for rows in frames:
        spans = [(row["sentence"], span) for row in rows for span in row["spans"]]
        assert len(spans) == wrong
        assert all(
            sentence[span["start"] : span["end"]] == span["text"] == "größer" for sentence, span in spans
        )


def test_table_without_rows_or_pictures_is_written(tables, tmp_path):
    (file,) = write(tables["sentences"].slice(0, 0), tmp_path)
    assert (file.rows, read([file], tmp_path).num_rows) == (0, 0)


def test_lists_are_in_the_notation_of_old_datasets():
    struct = {"b": {"dtype": "int32", "_type": "Value"}}
    node = {
        "a": {"_type": "List", "feature": struct, "length": -1},
        "c": {"_type": "List", "feature": struct["b"]},
    }
    assert parquet._old_notation(node) == {"a": [struct], "c": [struct["b"]]}
