"""Pictures that the user already has are found, and no other picture is taken for one."""

import huggingface_hub
import pytest
from pictures import HTML, by_url, contents, picture, unavailable

import alignbench


def own_folder(tmp_path, *names):
    """A folder of pictures; each is the picture of its number in `names`."""
    folder = tmp_path / "own"
    folder.mkdir()
    for number, name in enumerate(names):
        (folder / name).write_bytes(picture(number))
    return folder


@pytest.mark.parametrize(
    ("own", "source", "name", "url"),
    [
        pytest.param("cat.jpg", "CC12M", "x", "http://a.invalid/b/cat.jpg?size=2", id="the URL's file name"),
        pytest.param("a b.jpg", "CC12M", "x", "http://a.invalid/a%20b.jpg", id="the URL's file name, quoted"),
        pytest.param("cat.png", "CC12M", "x", "http://a.invalid/cat.jpg", id="the URL's stem"),
        pytest.param("shown.png", "CC12M", "shown.png", "http://a.invalid/cat.jpg", id="the picture's name"),
        pytest.param("shown.png", "CC12M", "shown", None, id="the picture's stem"),
        pytest.param(
            "COCO_val2014_000000000042.jpg",
            "COCO",
            "x",
            "http://a.invalid/val2017/000000000042.jpg",
            id="COCO's number by URL",
        ),
        pytest.param("COCO_val2014_000000000042.jpg", "coco", "42", None, id="COCO's number by name"),
        pytest.param("000000000042.jpg", "COCO", "COCO_train2014_000000000042", None, id="COCO of 2017"),
    ],
)
def test_a_picture_that_the_user_has_is_found(load, write_release, tmp_path, own, source, name, url):
    folder = own_folder(tmp_path, "another.jpg", own)
    row = {"image_source": source, "image_name": name, "image_url": url, "image_path_in_repo": None}
    release = write_release(row)
    dataset = load(release, image_dirs={source.swapcase(): str(folder)})
    assert contents(dataset) == [picture(1)]


@pytest.mark.parametrize(
    ("own", "name", "url"),
    [
        pytest.param("1.jpg", "x", "http://127.0.0.1:9/beach-1.jpg", id="a number that is no COCO id"),
        pytest.param("000000001.jpg", "x", "http://127.0.0.1:9/1.jpg", id="a downloader's counter"),
        pytest.param("beach.jpg", "x", "http://127.0.0.1:9/beach", id="no picture's name"),
    ],
)
def test_no_other_picture_is_taken_for_it(load, write_release, tmp_path, own, name, url):
    folder = own_folder(tmp_path, own)
    (folder / "beach").mkdir()
    (folder / own).rename(folder / own.replace("beach", "shore"))
    row = {"image_source": "CC12M", "image_name": name, "image_url": url, "image_path_in_repo": None}
    assert load(write_release(row), image_dirs={"CC12M": str(folder)})["image"] == [None]


def test_a_file_name_that_several_urls_share_identifies_none(load, write_release, tmp_path):
    folder = own_folder(tmp_path, "1.png")
    rows = by_url("http://127.0.0.1:9/beach/1.png", "http://127.0.0.1:9/shore/1.png")
    assert load(write_release(*rows), image_dirs={"COCO": str(folder)})["image"] == [None, None]


def test_only_pictures_of_its_source_are_looked_for_in_a_folder(load, write_release, tmp_path):
    folder = own_folder(tmp_path, "1.png")
    rows = by_url("http://127.0.0.1:9/1.png") + by_url(
        "http://127.0.0.1:9/1.png", image_source="web", model="b"
    )
    assert contents(load(write_release(*rows), image_dirs={"web": str(folder)})) == [None, picture(0)]


def test_pictures_that_the_user_lacks_come_from_where_they_would(site, load, write_release, tmp_path):
    site.answers = {"/b.png": picture(7)}
    folder = own_folder(tmp_path, "a.png")
    rows = by_url(f"{site.url}/a.png", f"{site.url}/b.png")
    dataset = load(write_release(*rows), image_dirs={"coco": str(folder)})
    assert contents(dataset) == [picture(0), picture(7)]
    assert site.paths == ["/b.png"]


def test_a_damaged_picture_of_the_user_is_reported(load, write_release, tmp_path):
    folder = own_folder(tmp_path, "a.png")
    (folder / "a.png").write_bytes(HTML)
    dataset = load(write_release(*by_url("http://a.invalid/a.png")), image_dirs={"COCO": str(folder)})
    assert unavailable(alignbench.report(dataset)) == {f"not an image: {folder / 'a.png'}": 1}


def test_a_missing_folder_of_the_user_is_an_error(load, write_release, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"image_dirs=\{'coco': '.*nowhere'\}: no such folder"):
        load(write_release({}), image_dirs={"coco": str(tmp_path / "nowhere")})


def test_a_relative_folder_of_the_user_serves_from_anywhere(load, write_release, tmp_path, monkeypatch):
    own_folder(tmp_path, "a.png")
    monkeypatch.chdir(tmp_path)
    dataset = load(write_release(*by_url("http://a.invalid/a.png")), image_dirs={"COCO": "own"})
    (tmp_path / "elsewhere/own").mkdir(parents=True)
    (tmp_path / "elsewhere/own/a.png").write_bytes(picture(5))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert dataset["image"][0].size == (16, 24)
    assert contents(dataset) == [picture(0)]
    dataset = load(write_release(*by_url("http://a.invalid/a.png")), image_dirs={"COCO": "own"})
    assert contents(dataset) == [picture(5)]


def test_a_picture_that_the_user_adds_later_is_seen(load, write_release, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    folder = own_folder(tmp_path, "a.png")
    release = write_release(*by_url("http://a.invalid/a.png", "http://a.invalid/b.png"))
    assert contents(load(release, image_dirs={"COCO": str(folder)})) == [picture(0), None]
    (folder / "b.png").write_bytes(picture(1))
    assert contents(load(release, image_dirs={"COCO": str(folder)})) == [picture(0), picture(1)]


def test_a_folder_for_a_source_that_no_row_has_is_noted(load, write_release, tmp_path):
    (tmp_path / "pictures").mkdir()
    rows = load(write_release({}), image_dirs={"cocoo": str(tmp_path / "pictures")})
    finding = next(f for f in alignbench.report(rows).findings if f.kind == "unused_image_dir")
    assert (finding.values, finding.action) == (["cocoo"], "noted")
