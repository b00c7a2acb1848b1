"""Croissant 1.0: the dataset's description in JSON-LD, for search engines and for `mlcroissant`.

Reference: Akhtar et al., Croissant: A Metadata Format for ML-Ready Datasets (2024); MLCommons' specification.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import datasets

from alignbench_tools.card import Config

_TERMS = (
    *("citeAs", "column", "dataBiases", "dataCollection", "equivalentProperty", "extract", "field"),
    *(
        "fileObject",
        "fileProperty",
        "fileSet",
        "format",
        "includes",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
    ),
    *("parentField", "path", "personalSensitiveInformation", "recordSet", "references", "regex", "repeated"),
    *("replace", "samplingRate", "separator", "source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_TYPES = {"string": "sc:Text", "int32": "sc:Integer", "int64": "sc:Integer", "float32": "sc:Float"}


def croissant(repo: str, endpoint: str, configs: Sequence[Config], citation: str, published: str) -> str:
    """JSON-LD of the dataset repo `repo` on the Hub at `endpoint`, one record set per config.

    `published` is the date of the release, `YYYY-MM-DD`.
    """
    url = f"{endpoint}/datasets/{repo}"
    repository = {
        "@type": "cr:FileObject",
        "@id": "repo",
        "name": "repo",
        "description": "The Hugging Face git repository.",
        "contentUrl": f"{url}/tree/main",
        "encodingFormat": "git+https",
        # Required, but a repository has none; this is the specification's placeholder.
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": repo.split("/")[-1],
        "description": "Captioners' sentences about pictures, each judged correct or incorrect by people.",
        "alternateName": [repo],
        "citeAs": citation,
        "datePublished": published,
        "version": "1.0.0",
        "license": "unknown: upstream names none for its annotations; COCO and CC12M pictures keep theirs",
        "keywords": ["image-text alignment", "hallucination detection", "vision-language", "benchmark"],
        "url": url,
        "distribution": [repository, *(_file_set(config) for config in configs)],
        "recordSet": [_record_set(config) for config in configs],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _file_set(config: Config) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{config.name}-files",
        "name": f"{config.name}-files",
        "containedIn": {"@id": "repo"},
        "encodingFormat": "application/x-parquet",
        "includes": f"{config.name}/test-*.parquet",
    }


def _record_set(config: Config) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": config.name,
        "name": config.name,
        "description": f"Config {config.name}: {config.rows} rows.",
        "key": {"@id": f"{config.name}/id"},
        "field": [_field(config, (name,), feature) for name, feature in config.features.items()],
    }


def _field(config: Config, path: tuple[str, ...], feature: Any) -> dict[str, Any]:
    """One column; lists are `repeated`, members of structs are sub-fields."""
    identity = "/".join((config.name, *path))
    field: dict[str, Any] = {"@type": "cr:Field", "@id": identity, "name": identity}
    inner = _element(feature)
    if inner is not None:
        field["repeated"] = True
        feature = inner
    extract: dict[str, str] = {"column": path[0]}
    source: dict[str, Any] = {"fileSet": {"@id": f"{config.name}-files"}, "extract": extract}
    if len(path) > 1:
        source["transform"] = {"jsonPath": ".".join(path[1:])}
    if isinstance(feature, dict):
        field["subField"] = [_field(config, (*path, name), child) for name, child in feature.items()]
    elif isinstance(feature, datasets.Image):
        field["dataType"] = "sc:ImageObject"
        source["transform"] = {"jsonPath": "bytes"}
    elif isinstance(feature, datasets.ClassLabel):
        field["dataType"] = "sc:Integer"
        field["description"] = "; ".join(f"{number} = {name}" for number, name in enumerate(feature.names))
    else:
        field["dataType"] = _TYPES[feature.dtype]
    return {**field, "source": source}


def _element(feature: Any) -> Any:
    """What a list holds, None for what is no list; `datasets` before 4 has `[{...}]` for lists of structs."""
    if isinstance(feature, list):
        return feature[0]
    return getattr(feature, "feature", None)
