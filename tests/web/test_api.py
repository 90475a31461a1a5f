"""The HTTP API: tables as understood, refusals as the program words them, a ranking, and why."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")

import torch
from fastapi.testclient import TestClient

from molmeta import FewShotClassifier, load_model
from molmeta.assays import Columns, read_support
from molmeta.errors import InputError
from molmeta.predict.learnt import LearntAssay
from molmeta.tensors import save_tensors
from molmeta.web.service import Service
from molmeta.web.settings import Settings
from molmeta.web.worker import Worker

IC50 = """name\tsmiles\tIC50 (nM)
A-1\tCC(=O)Nc1ccc(O)cc1\t12
A-2\tCOc1ccc2[nH]cc(CCN)c2c1\t45000
A-3\tCC(C)NCC(O)COc1cccc2ccccc12\t75
A-4\tCc1ccc(cc1)S(=O)(=O)NC(=O)NC1CCCCC1\t8800
A-5\tC(\t100
"""


def read(
    client: TestClient, what: str, content: str | bytes, name: str = "a.txt", **columns: Any
) -> Any:
    return client.post(
        f"/api/v1/{what}",
        files={"file": (name, content if isinstance(content, bytes) else content.encode())},
        data={"columns": json.dumps(columns)},
    )


def known(client: TestClient) -> list[dict[str, Any]]:
    molecules = read(client, "measured", IC50).json()["molecules"]
    kept = ("smiles", "active", "value")
    return [{key: one[key] for key in kept} for one in molecules if one["used"]]


def test_a_tautomer_of_a_measured_molecule_is_measured(client: TestClient) -> None:
    smiles = ["Cc1ccc2nc(N)[nH]c2c1", "CCO", "CCN", "CCC"]
    measured = [{"smiles": one, "active": i < 2} for i, one in enumerate(smiles)]
    asked = {"measured": measured, "molecules": ["Cc1ccc2[nH]c(N)nc2c1", "CCOC"]}
    answer = client.post("/api/v1/rank", json=asked)
    events = [json.loads(line) for line in answer.text.splitlines()]
    ranked = next(event for event in events if event["event"] == "ranked")
    assert [row["measured"] for row in ranked["molecules"]] == [True, None]


def test_measured_molecules_are_read_and_the_threshold_is_said(client: TestClient) -> None:
    answer = read(client, "measured", IC50).json()
    assert [one["active"] for one in answer["molecules"]][:4] == [True, False, True, False]
    assert answer["molecules"][4]["used"] is False
    assert "SMILES syntax error" in answer["molecules"][4]["reason"]
    assert answer["notes"][-1] == "active is pXC50 > 6 (below 1,000 nM), the default"
    assert answer["columns"] == ["name", "smiles", "IC50 (nM)"]
    assert answer["rows"][0][0] == "A-1"
    assert [one["value"] for one in answer["molecules"]][:2] == [7.9208, 4.3468]


def test_a_ranking_learns_from_values_too(client: TestClient) -> None:
    graded = known(client)
    alone = [{**one, "value": None} for one in graded]
    scores = []
    for measured in (graded, alone):
        asked = {"measured": measured, "molecules": ["CC(=O)Nc1ccccc1"]}
        lines = client.post("/api/v1/rank", json=asked).text.splitlines()
        ranked = next(e for e in map(json.loads, lines) if e["event"] == "ranked")
        scores.append(ranked["molecules"][0]["score"])
    assert scores[0] != scores[1]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[LearntAssay, bytes]:
    """An assay that was learnt with a prevalence of its own, and its file."""
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "mine.tsv").write_text(IC50 + "A-6\tCCF\t>10\n")
    support = read_support(folder / "mine.tsv")
    learnt = LearntAssay.learn(load_model("default"), support, prevalence=0.05)
    learnt.save(folder / "mine.molmeta")
    return learnt, (folder / "mine.molmeta").read_bytes()


def test_a_learnt_assay_ranks_as_the_program_does(
    client: TestClient, learnt: tuple[LearntAssay, bytes]
) -> None:
    answer = read(client, "measured", learnt[1], "mine.molmeta").json()
    assert (answer["assay"], answer["learnt_by"], answer["prevalence"]) == ("mine", "default", 0.05)
    assert "learnt before by the model 'default'" in answer["notes"][0]
    used = [one["used"] for one in answer["molecules"]]
    assert used == [True] * 4 + [False] * 2
    assert [row[1] for row in answer["rows"]][:2] == ["7.9208", "4.3468"]
    measured = [
        {key: one[key] for key in ("smiles", "active", "value")}
        for one in answer["molecules"]
        if one["used"]
    ]
    molecules = ["CC(=O)Nc1ccccc1", "CCO", "CC(C)NCC(O)COc1ccccc1"]
    asked = {"measured": measured, "molecules": molecules, "prevalence": answer["prevalence"]}
    lines = client.post("/api/v1/rank", json=asked).text.splitlines()
    ranked = next(e for e in map(json.loads, lines) if e["event"] == "ranked")
    found = [one["score"] for one in ranked["molecules"]]
    assert found == pytest.approx(learnt[0].classifier.log_odds(molecules).tolist(), abs=2e-3)


def test_a_file_that_is_no_learnt_assay_is_refused(
    client: TestClient, learnt: tuple[LearntAssay, bytes], tmp_path: Path
) -> None:
    save_tensors(tmp_path / "other", {"weight": torch.ones(3)})
    for content, got in (
        (learnt[1][:-100], "cannot be read"),
        (b"\x80\x04\x95not a pickle that anybody opens", "cannot be read"),
        ((tmp_path / "other").read_bytes(), "without a learnt assay"),
    ):
        answer = read(client, "measured", content, "mine.molmeta")
        assert answer.status_code == 422
        assert got in answer.json()["message"]
        assert answer.json()["message"].startswith("learnt assay mine.molmeta")
    answer = read(client, "measured", learnt[1], "mine.molmeta", value_column="value")
    assert "learnt already" in answer.json()["message"]
    steps = FewShotClassifier(steps=2).fit(["CCO", "CCC"], [1, 0])
    LearntAssay("mine", steps).save(tmp_path / "steps.molmeta")
    answer = read(client, "measured", (tmp_path / "steps.molmeta").read_bytes(), "s.molmeta")
    assert "learnt in 2 steps" in answer.json()["message"]
    assert read(client, "library", learnt[1], "mine.molmeta").status_code == 422


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_prevalence_that_is_none_is_refused(client: TestClient, share: float) -> None:
    asked = {"measured": [], "molecules": ["CCO"], "prevalence": share}
    assert client.post("/api/v1/rank", json=asked).status_code == 422


def test_the_median_parts_values_that_one_micromolar_does_not(client: TestClient) -> None:
    table = "smiles,IC50 (nM)\nCCO,10\nCCN,20\nCCC,500\nCCF,900\n"
    answer = read(client, "measured", table).json()
    assert "the median" in answer["notes"][-1]
    assert [one["active"] for one in answer["molecules"]] == [True, True, False, False]
    percent = "smiles,inhibition (%)\nCCO,80\nCCN,20\n"
    assert "the median" in read(client, "measured", percent).json()["notes"][-1]


def test_columns_are_corrected(client: TestClient) -> None:
    table = "code,structure,first,second\nA,CCO,12,1\nB,CCN,50000,0\n"
    answer = read(client, "measured", table, label_column="second").json()
    assert [one["active"] for one in answer["molecules"]] == [True, False]
    chosen: dict[str, Any] = {"value_column": "first", "units": "uM", "threshold": 4.5}
    answer = read(client, "measured", table, **chosen).json()
    assert [one["active"] for one in answer["molecules"]] == [True, False]
    assert "'first' in uM" in answer["notes"][0]


def test_a_workbook_is_read(client: TestClient) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in IC50.splitlines()[:5]:
        book.active.append([float(c) if c.isdecimal() else c for c in row.split("\t")])
    content = io.BytesIO()
    book.save(content)
    answer = read(client, "measured", content.getvalue(), "my assay.xlsx").json()
    assert answer["name"] == "my assay.xlsx"
    assert [one["active"] for one in answer["molecules"]] == [True, False, True, False]


def test_a_refusal_is_the_programs_own(client: TestClient, tmp_path: Path) -> None:
    table = "smiles,IC50\nCCO,12\nCCN,50000\n"
    path = tmp_path / "mine.csv"
    path.write_text(table)
    answer = read(client, "measured", table, "mine.csv")
    assert answer.status_code == 422
    told = answer.json()
    with pytest.raises(InputError) as refused:
        read_support(path, Columns(threshold=6.0))
    assert told["message"] == str(refused.value).replace(f"{tmp_path}/", "")
    assert told["expected"] == "a unit such as nM or uM, or pXC50"
    assert told["columns"] == ["smiles", "IC50"]


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "C:\\data\\mine.csv", "a\nb.csv", "…"])
def test_a_refusal_names_the_users_file_and_no_folder(client: TestClient, name: str) -> None:
    answer = read(client, "library", "a,b\n1,2\n", name)
    assert answer.status_code == 422
    assert "molmeta-serve" not in answer.text
    assert "/" not in answer.json()["message"]
    assert "\\data" not in answer.text


def test_several_assays_are_offered(client: TestClient) -> None:
    table = "smiles,first,second\nCCO,1,0\nCCN,0,1\n"
    assert read(client, "measured", table).json()["assays"] == ["first", "second"]
    answer = read(client, "measured", table, assay="second").json()
    assert [one["active"] for one in answer["molecules"]] == [False, True]


@pytest.mark.parametrize("columns", ['{"threshold": "no"}', '{"file": "/etc/passwd"}', "[", "3"])
def test_a_wrong_choice_of_columns_is_refused(client: TestClient, columns: str) -> None:
    answer = client.post(
        "/api/v1/measured", files={"file": ("a.csv", b"smiles\nC\n")}, data={"columns": columns}
    )
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("request")


def test_too_many_rows_are_refused_with_the_limit(client: TestClient) -> None:
    answer = read(client, "measured", "smiles,active\n" + "CCO,1\n" * 1001)
    assert answer.status_code == 422
    assert "1,000 rows at most" in answer.json()["message"]


def test_an_archive_that_unpacks_to_far_more_is_refused(client: TestClient) -> None:
    bomb = gzip.compress(b"smiles,active\n" + b"C" * 60_000_000, 9)
    answer = read(client, "measured", bomb, "bomb.csv.gz")
    assert len(bomb) < 1_000_000
    assert answer.status_code in (422, 500)
    assert read(client, "library", "smiles\nCCO\n").status_code == 200


def test_formulas_and_markup_come_back_as_text(client: TestClient) -> None:
    rows = "\"=cmd|'/c calc'!A0\",CCO\n<script>alert(1)</script>,CCN\n"
    answer = read(client, "library", f"name,smiles\n{rows}")
    assert answer.headers["content-type"] == "application/json"
    assert [row[0] for row in answer.json()["rows"]] == [
        "=cmd|'/c calc'!A0",
        "<script>alert(1)</script>",
    ]


def test_a_library_is_ranked_and_explained(client: TestClient) -> None:
    measured = known(client)
    molecules = ["CC(=O)Nc1ccc(O)cc1C", "C(", "CC(=O)Nc1ccc(O)cc1", ""]
    content = {"measured": measured, "molecules": molecules}
    with client.stream("POST", "/api/v1/rank", json=content) as answer:
        assert answer.status_code == 200
        events = [json.loads(line) for line in answer.iter_lines()]
    assert [one["event"] for one in events][-3:] == ["learned", "ranked", "finished"]
    new, broken, same, blank = events[-2]["molecules"]
    assert 0 < new["p_active"] < 1
    assert new["measured"] is None
    assert new["nearest"] == 0
    assert same["measured"] is True
    assert same["similarity"] == 1
    assert "syntax error" in broken["reason"]
    assert blank["reason"]
    assert "score" not in broken

    found = client.post("/api/v1/explain", json={"measured": measured, "smiles": molecules[0]})
    assert found.json()["drawing"].startswith("<svg")
    assert "style" not in found.json()["drawing"]
    assert found.json()["reasons"][0]["smiles"] in {one["smiles"] for one in measured}
    found = client.post("/api/v1/explain", json={"measured": measured, "smiles": "C("})
    assert found.status_code == 422

    some = [{"smiles": "CCO", "score": 0.1}, {"smiles": "c1ccccc1O", "score": 3.0}]
    found = client.post("/api/v1/suggest", json={"molecules": some, "n": 1})
    assert found.json() == {"positions": [1]}
    wrong = client.post("/api/v1/suggest", json={"molecules": some, "strategy": "best"})
    assert wrong.status_code == 422
    assert "greedy" in wrong.json()["message"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"measured": [], "molecules": ["C"]}, "at least one active and one inactive"),
        ({"measured": [{"smiles": "C", "active": True}], "molecules": ["C"]}, "1 of them active"),
        ({"measured": 3, "molecules": ["C"]}, "request, measured"),
        ({"model": "/etc/passwd", "molecules": ["C"]}, "model; got '/etc/passwd'"),
        ({"molecules": []}, "molecules; got 0"),
        ({"molecules": ["C" * 6000]}, "at most 5000 characters"),
        ({"molecules": ["C"] * 50_001}, "1 to 50,000"),
    ],
)
def test_a_wrong_ranking_is_refused_at_once(
    client: TestClient, content: dict[str, Any], words: str
) -> None:
    both = [{"smiles": "C", "active": True}, {"smiles": "CC", "active": False}]
    answer = client.post("/api/v1/rank", json={"measured": both} | content)
    assert answer.status_code == 422
    assert words in answer.json()["message"]


def test_whoever_leaves_cancels_the_ranking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))

    async def act() -> None:
        service = Service(Settings())
        service.ranker = Worker("jobs", seconds=60, most_waiting=1)
        job = service.ranker.start("count", n=1000, seconds=0.02)
        lines = service.events(job)
        assert "learning" in await anext(lines)
        assert await anext(lines) == "0\n"
        await cast(AsyncGenerator[str], lines).aclose()
        assert job.is_cancelled
        assert job.task is not None
        await asyncio.wait_for(job.task, 5)
        await service.ranker.stop()

    asyncio.run(act())


def test_errors_within_the_stream_are_its_last_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))

    async def act() -> list[str]:
        service = Service(Settings(models={"mine": "/home/me/run"}))
        service.ranker = Worker("jobs", seconds=60, most_waiting=1)
        lines = [line async for line in service.events(service.ranker.start("refuse"))]
        hidden = service.refusal(InputError.of("weights /home/me/run/model", got="damage"))
        assert hidden["message"] == "weights mine/model; got damage."
        await service.ranker.stop()
        return lines

    event = json.loads(asyncio.run(act())[-1])
    assert event["event"] == "error"
    assert event["got"] == "nothing"


def test_too_many_rankings_are_refused(client: TestClient) -> None:
    app: Any = client.app
    service = app.state.service
    waiting, service.ranker.n_waiting = service.ranker.n_waiting, 99
    try:
        answer = client.post("/api/v1/suggest", json={"molecules": [{"smiles": "C", "score": 1}]})
    finally:
        service.ranker.n_waiting = waiting
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "30"


def test_the_api_describes_itself(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    paths = {"about", "example", "measured", "library", "warm", "rank", "explain", "suggest"}
    assert set(described["paths"]) == {f"/api/v1/{name}" for name in paths}
    assert {"Refusal", "Event", "Measured"} <= set(described["components"]["schemas"])
    for path in described["paths"].values():
        for action in path.values():
            assert action["description"]


def test_reading_needs_no_torch() -> None:
    code = "import sys, molmeta.web.reading, molmeta.web.app; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"
