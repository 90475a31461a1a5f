"""What is known of assays beside their measurements."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.assays.info import read_assay_info
from molmeta.errors import InputError


def test_columns_are_text_by_assay(tmp_path: Path) -> None:
    file = tmp_path / "assays.csv"
    file.write_text("assay_id,target_id,target_class,end\n A ,007, transferase ,1\nB,,NA,2\n")
    info = read_assay_info(file, ["target_id", "target_class"])
    assert info.to_dict("index") == {
        "A": {"target_id": "007", "target_class": "transferase"},
        "B": {"target_id": "", "target_class": "NA"},
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"assay,target_class\nA,x\n", "got the columns assay, target_class; expected also assay_"),
        (b"assay_id\nA\n", "expected also target_class"),
        (b"assay_id,target_class\nA,x\n A,y\n", "got 'A' more than once"),
    ],
)
def test_a_bad_file_is_one_message(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "assays.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_assay_info(file, ["target_class"])
    with pytest.raises(InputError, match="cannot be read"):
        read_assay_info(tmp_path / "none.csv", [])


def test_a_store_tells_it_of_its_assays(tmp_path: Path) -> None:
    store = AssayStore.from_frame(drug_mechanisms("valid"), tmp_path / "store")
    first, second = store.assay_ids[:2]
    file = tmp_path / "assays.csv"
    file.write_text(f'assay_id,family\n"{second}",kinase\nanother,protease\n')
    told = store.with_info(read_assay_info(file, ["family"])).subset([second, first])
    assert told.assays[["assay_id", "family"]].values.tolist() == [[second, "kinase"], [first, ""]]
    assert "family" not in store.assays
    more = told.with_info(pd.DataFrame({"organism": {first: "rat"}}))
    assert more.assays[["family", "organism"]].values.tolist() == [["kinase", ""], ["", "rat"]]
    with pytest.raises(InputError, match="column family; got a name that the assays' own table"):
        told.with_info(read_assay_info(file, ["family"]))
    file.write_text("assay_id,family\nanother,protease\n")
    with pytest.raises(InputError, match="got none of 5 assays"):
        store.with_info(read_assay_info(file, ["family"]))
