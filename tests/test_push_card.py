"""The dataset card, the manifest and the Croissant description say what the data say."""

import hashlib
import importlib.util
import json
import re
import subprocess
import sys

import datasets
import pytest
import yaml
from huggingface_hub import DatasetCard
from releases import make_release, read_lines

import alignbench
from alignbench_tools import card
from alignbench_tools.croissant import croissant
from alignbench_tools.parquet import write_config


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("card") / "release")


@pytest.fixture(scope="module")
def table(release):
    rows = datasets.load_dataset(
        "alignbench",
        split="test",
        data_dir=str(release),
        images="skip",
        cache_dir=str(release.parent / "cache"),
    )
    return rows.data.table


@pytest.fixture(scope="module")
def configs(release, table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    captions = datasets.load_dataset(
        "alignbench",
        "captions",
        split="test",
        data_dir=str(release),
        images="skip",
        cache_dir=str(release.parent / "cache"),
    ).data.table
    tables = {"sentences": table, "captions": captions}
    return [
        card.Config(name, features, list(write_config(rows, features, folder, name)))
        for name, rows in tables.items()
        for features in [alignbench.features(name)]
    ]


@pytest.fixture(scope="module")
def filled(table, configs):
    return card.fill(card.template(), configs, card.parts(table, configs, "release"))


def front_matter(text):
    return yaml.safe_load(text.split("---\n")[1])


def rows_of(text, part):
    """Cells of the table between a part's markers, without its header."""
    body = text.split(f"<!-- begin {part} -->")[1].split(f"<!-- end {part} -->")[0]
    return [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in body.splitlines()
        if row.startswith("|")
    ][2:]


@pytest.mark.parametrize("config", ["sentences", "captions"])
def test_field_table_has_the_fields_of_the_features(config):
    section = card.template().split(f"### Fields of `{config}`")[1].split("###")[0].split("## ")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.M))
    features = alignbench.features(config)
    assert list(listed) == list(features)
    for name, feature in features.items():
        assert listed[name].strip() == described(feature), name


def described(feature):
    inner = feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)
    if inner is not None:
        return "list of structs" if isinstance(inner, dict) else f"list of {type(inner).__name__}"
    if isinstance(feature, dict):
        return "struct"
    return feature.dtype if isinstance(feature, datasets.Value) else type(feature).__name__


def test_members_of_structs_are_named_in_the_field_table():
    text = card.template()
    for member in ("start", "end", "text", "type", *alignbench.features()["votes"]):
        assert f"`{member}`" in text
    for name in (*alignbench.LABELS, *alignbench.DIRECTIONS):
        assert f"`{name}`" in text


def test_features_in_the_front_matter_are_those_of_the_builder(filled):
    infos = {info["config_name"]: info for info in front_matter(filled)["dataset_info"]}
    for name in ("sentences", "captions"):
        found = datasets.Features._from_yaml_list(infos[name]["features"])
        assert found == alignbench.features(name)


def test_front_matter_has_sizes_and_the_default_config(filled, configs):
    front = front_matter(filled)
    assert front["size_categories"] == ["n<1K"]
    assert {c["config_name"]: c.get("default", False) for c in front["configs"]} == {
        "captions": False,
        "sentences": True,
    }
    sentences = next(info for info in front["dataset_info"] if info["config_name"] == "sentences")
    assert sentences["download_size"] == sum(file.nbytes for file in configs[0].files)


def test_space_around_a_sentence_is_no_word(table, configs):
    spaced = [f" {sentence}\n" for sentence in table["sentence"].to_pylist()]
    around = table.set_column(table.column_names.index("sentence"), "sentence", [spaced])
    assert card.parts(around, configs, "release") == card.parts(table, configs, "release")


def test_statistics_are_counts_of_the_release(filled, release):
    lines = read_lines(release)
    found = {row[0]: row[1:] for row in rows_of(filled, "statistics")}
    for captioner in {line["model"] for line in lines}:
        own = [line for line in lines if line["model"] == captioner]
        judged = [line for line in own if line["annotation"] != "unknown"]
        captions = {line["image_name"] for line in judged}
        right = sum(line["annotation"] == "correct" for line in judged)
        words = sum(len(line["caption"].split()) for line in judged)
        assert found[captioner] == [
            str(len(captions)),
            str(len(judged)),
            f"{len(judged) / len(captions):.1f}",
            f"{100 * right / len(judged):.1f} %",
            f"{words / len(judged):.1f}",
            str(len(own) - len(judged)),
        ]
    types = [line["error_type"] for line in lines if line["error_type"]]
    assert {name: int(n) for name, n in rows_of(filled, "types")} == {
        name: types.count(name) for name in set(types)
    }


def test_prose_is_kept_and_filling_again_changes_nothing(filled, table, configs):
    again = card.fill(filled, configs, card.parts(table, configs, "release"))
    assert again == filled
    prose = re.sub(r"(<!-- begin \w+ -->\n).*?(<!-- end)", r"\1\2", filled.split("---\n", 2)[2], flags=re.S)
    assert prose == card.template().split("---\n", 2)[2]


def test_card_without_a_part_says_which(table, configs):
    text = card.template().replace("<!-- end types -->", "")
    with pytest.raises(card.CardError, match=r"no part 'types': expected a line `<!-- begin types -->`"):
        card.fill(text, configs, card.parts(table, configs, "release"))
    with pytest.raises(card.CardError, match="no front matter"):
        card.fill("# Card\n", configs, {})


def test_card_states_the_licence_the_papers_and_the_namesake(filled):
    data = DatasetCard(filled).data
    assert data.license == "unknown"
    assert {"arxiv:2511.20515", "arxiv:2603.15253"} <= set(data.tags)
    assert "THUDM/AlignBench" in filled
    for section in ("Known issues", "Uses", "Bias, risks and limitations", "Licence", "Citation"):
        assert f"## {section}\n" in filled


def test_card_says_which_pictures_are_embedded(table, configs):
    said = {choice: card.parts(table, configs, choice)["files"] for choice in ("release", "all")}
    assert "`image` is null" in said["release"]
    assert "answers for their licences" in said["all"]


def test_manifest_has_digest_size_rows_and_labels_of_each_file(filled, configs, release):
    files = json.loads(card.manifest({"README.md": filled}, configs, "release", "here"))["files"]
    assert files["README.md"]["sha256"] == hashlib.sha256(filled.encode()).hexdigest()
    labels = [line["annotation"] for line in read_lines(release)]
    for config in configs:
        (name,) = [name for name in files if name.startswith(config.name)]
        assert files[name]["rows"] == config.rows
        assert files[name]["labels"] == {
            label: labels.count(label) for label in ("incorrect", "correct", "unknown")
        }


@pytest.mark.skipif(not importlib.util.find_spec("mlcroissant"), reason="mlcroissant is not installed")
def test_croissant_passes_its_validator_without_a_warning(configs, tmp_path):
    path = tmp_path / "croissant.json"
    path.write_text(croissant("me/alignbench", "https://hub.example", configs, "Saito et al.", "2025-11-26"))
    done = subprocess.run(
        [sys.executable, "-m", "mlcroissant.scripts.validate", "--jsonld", path],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Done" in done.stderr
    assert "WARNING" not in done.stderr


def test_installed_card_is_found(tmp_path, monkeypatch):
    share = tmp_path / "share" / "alignbench"
    share.mkdir(parents=True)
    (share / "dataset_card.md").write_text("installed")
    monkeypatch.setattr(card, "__file__", str(tmp_path / "site" / "alignbench_tools" / "card.py"))
    monkeypatch.setattr(card.sys, "prefix", str(tmp_path))
    assert card.template() == "installed"
