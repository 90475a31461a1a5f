"""The routes: the page, the endpoints that read tables, and those that rank."""

from html import escape
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from pydantic import ValidationError
from starlette.responses import Response

from molmeta import __version__
from molmeta.assays.columns import Columns
from molmeta.errors import InputError
from molmeta.web.answers import (
    About,
    ColumnChoice,
    Event,
    Example,
    ExplainRequest,
    Explanation,
    Library,
    Measured,
    RankRequest,
    Refusal,
    Suggestion,
    SuggestRequest,
)
from molmeta.web.guard import COOKIE, Pages
from molmeta.web.service import Service, invalid

STATIC = Path(__file__).parent / "static"
NDJSON = "application/x-ndjson"
_API = "/api/v1"

Table = Annotated[UploadFile, File(description="A table: CSV, TSV, XLSX, SDF …")]
Choice = Annotated[str, Form(description="A `ColumnChoice` as JSON.")]

_REFUSALS: dict[int | str, dict[str, Any]] = {
    422: {"model": Refusal, "description": "The input cannot be used."},
    413: {"model": Refusal, "description": "The request is too large."},
    429: {"model": Refusal, "description": "Too many rankings wait."},
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"model": Event, "description": f"One event a line, {NDJSON}."}
}


def page_routes(pages: Pages) -> APIRouter:
    """Route to the page."""
    routes = APIRouter(include_in_schema=False)
    text = (STATIC / "index.html").read_text(encoding="utf-8")

    @routes.get("/")
    async def page(request: Request, token: str = "") -> Response:
        if token and pages.is_server_token(token):  # once, to keep it out of the address
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, pages.open(), httponly=True, samesite="strict")
            return answer
        if not pages.may_open(request):
            told = "<!doctype html><title>molmeta</title><p>Open the address that molmeta printed."
            return HTMLResponse(told, 401)
        filled = text
        for name, value in {"token": pages.open(), "version": __version__}.items():
            filled = filled.replace(f"[[{name}]]", escape(value))
        return HTMLResponse(filled)

    return routes


def table_routes(service: Service) -> APIRouter:
    """Route to the endpoints that need no model."""
    routes = APIRouter(prefix=_API, responses=_REFUSALS)
    limits = service.settings.limits

    @routes.get("/about")
    async def about() -> About:
        """Say what this server has and takes."""
        return About(
            version=__version__,
            models=list(service.settings.models),
            most_bytes=limits.most_bytes,
            most_measured=limits.most_measured,
            most_library=limits.most_library,
        )

    @routes.get("/example")
    async def example() -> Example:
        """Give tables to try the page with."""
        return Example(**await service.reader.answer("example"))

    @routes.post("/measured")
    async def measured(file: Table, columns: Choice = "{}") -> Measured:
        """Read measured molecules, and say how the columns were understood."""
        choice = _choice(columns).model_dump()
        assay = choice.pop("assay")
        found = await service.reader.answer(
            "read_measured",
            name=file.filename or "table",
            content=await file.read(),
            columns=Columns(**choice),
            assay=assay,
            most_rows=limits.most_measured,
        )
        return Measured(**found)

    @routes.post("/library")
    async def library(file: Table, columns: Choice = "{}") -> Library:
        """Read a library of molecules to rank; of the choices `smiles_column` counts."""
        found = await service.reader.answer(
            "read_library",
            name=file.filename or "table",
            content=await file.read(),
            smiles_column=_choice(columns).smiles_column,
            most_rows=limits.most_library,
        )
        return Library(**found)

    return routes


def ranking_routes(service: Service) -> APIRouter:
    """Route to the endpoints that need the model."""
    routes = APIRouter(prefix=_API, responses=_REFUSALS)
    most = service.settings.limits.most_library

    @routes.post("/warm", status_code=204)
    async def warm(model: bool = False) -> None:
        """Start what reads tables, or load the first model, before it is needed."""
        if model and service.ranker.n_waiting == 0:
            first = next(iter(service.settings.models.values()))
            service.ranker.start("warm", model=first)
        elif service.reader.n_waiting == 0:
            service.reader.start("warm")

    @routes.post("/rank", responses=_STREAM)
    async def rank(request: RankRequest) -> StreamingResponse:
        """Rank molecules; the answer is a stream of events, and closing it cancels the work."""
        learning = service.learning(request)
        n = len(request.molecules)
        if not 0 < n <= most:
            raise InputError.of("molecules", got=f"{n:,}", expected=f"1 to {most:,} on this page")
        job = service.ranker.start(
            "rank",
            learning=learning,
            molecules=request.molecules,
            workers=service.settings.workers,
        )
        return StreamingResponse(service.events(job), media_type=NDJSON)

    @routes.post("/explain")
    async def explain(request: ExplainRequest) -> Explanation:
        """Say which measured molecules, and which atoms, decide a molecule's place."""
        learning = service.learning(request)
        found = await service.ranker.answer("explain", learning=learning, smiles=request.smiles)
        return Explanation(**found)

    @routes.post("/suggest")
    async def suggest(request: SuggestRequest) -> Suggestion:
        """Choose molecules to measure next: `greedy`, `uncertain` or `diverse`."""
        positions = await service.ranker.answer(
            "suggest",
            smiles=[one.smiles for one in request.molecules],
            scores=[one.score for one in request.molecules],
            n=request.n,
            strategy=request.strategy,
        )
        return Suggestion(positions=positions)

    return routes


def _choice(columns: str) -> ColumnChoice:
    try:
        return ColumnChoice.model_validate_json(columns)
    except ValidationError as error:
        raise invalid(error.errors()[0]) from None
