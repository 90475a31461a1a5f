"""The application: the page at `/`, and its JSON endpoints below `/api/v1`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import ValidationError
from starlette.responses import Response

from molmeta import __version__
from molmeta.assays.columns import Columns
from molmeta.errors import InputError, MolmetaError
from molmeta.web.answers import (
    About,
    ColumnChoice,
    Event,
    Example,
    ExplainRequest,
    Explanation,
    Learning,
    Library,
    Measured,
    RankRequest,
    Refusal,
    SuggestRequest,
    Suggestion,
)
from molmeta.web.guard import COOKIE, Guard, Pages
from molmeta.web.settings import Settings
from molmeta.web.worker import Busy, Job, TimeUp, Worker

STATIC = Path(__file__).parent / "static"
NDJSON = "application/x-ndjson"

_REFUSALS: dict[int | str, dict[str, Any]] = {
    422: {"model": Refusal, "description": "The input cannot be used."},
    413: {"model": Refusal, "description": "The request is too large."},
    429: {"model": Refusal, "description": "Too many rankings wait."},
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"model": Event, "description": f"One event a line, {NDJSON}."}
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application.

    >>> app = create_app()
    >>> "/api/v1/rank" in app.openapi()["paths"]
    True

    Args:
        settings: The server's.
    """
    service = Service(settings or Settings())
    app = FastAPI(
        title="molmeta",
        version=__version__,
        description="Rank a library by a few measured molecules.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=service.live,
    )
    app.state.service = service
    app.add_middleware(Guard, settings=service.settings, pages=service.pages)
    app.include_router(api_routes(service))
    app.include_router(page_routes(service.pages))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(MolmetaError, service.on_error)
    app.add_exception_handler(RequestValidationError, service.on_invalid)
    return app


class Service:
    """What the routes share: settings, open pages, and the two processes that work.

    One reads tables, so that this never waits for a ranking; the other holds the model.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare; no process is started yet."""
        limits = settings.limits
        self.settings = settings
        self.pages = Pages(limits.most_pages, settings.token)
        self.reader = Worker(
            "molmeta.web.reading", seconds=limits.read_seconds, most_waiting=4 * limits.most_waiting
        )
        self.ranker = Worker(
            "molmeta.web.ranking", seconds=limits.rank_seconds, most_waiting=limits.most_waiting
        )

    @asynccontextmanager
    async def live(self, _: FastAPI) -> AsyncIterator[None]:
        """End the processes when the server ends."""
        yield
        await self.reader.stop()
        await self.ranker.stop()

    def place_of(self, model: str) -> str:
        """Give a model's place by the name that the page shows.

        Raises:
            InputError: If it is not one of the server's.
        """
        if model not in self.settings.models:
            names = ", ".join(map(repr, self.settings.models))
            raise InputError.of("model", got=repr(model), expected=f"one of {names}")
        return self.settings.models[model]

    def learning(self, request: Learning) -> dict[str, Any]:
        """Give the arguments of a job that learns from measured molecules.

        Raises:
            InputError: If they cannot be learnt from.
        """
        request.check(self.settings.limits.most_measured)
        return {
            "model": self.place_of(request.model),
            "support": [one.smiles for one in request.measured],
            "active": [one.active for one in request.measured],
        }

    async def events(self, job: Job) -> AsyncIterator[str]:
        """Write a ranking's events as lines; whoever leaves cancels it."""
        try:
            first = {"event": "waiting", "before": job.before} if job.before else {}
            yield _line(first or {"event": "learning"})
            async for event in job.steps():
                yield _line(event)
        except MolmetaError as error:
            yield _line({"event": "error", **self.refusal(error)})
        finally:
            job.cancel()

    def refusal(self, error: MolmetaError) -> dict[str, Any]:
        """Give an error as `Refusal`, without the places of files on this machine."""
        parts = error.parts if isinstance(error, InputError) else {}
        told: dict[str, Any] = {"message": str(error)} | parts
        for name, place in self.settings.models.items():
            told = {key: text and text.replace(place, name) for key, text in told.items()}
        for key in ("columns", "assays"):
            told[key] = (told.get(key) or "").split("\n") if told.get(key) else []
        return told

    async def on_error(self, _: Request, error: Exception) -> Response:
        """Answer what was raised on purpose."""
        assert isinstance(error, MolmetaError)
        kinds = {InputError: 422, Busy: 429, TimeUp: 503}
        status = next((kinds[kind] for kind in kinds if isinstance(error, kind)), 500)
        headers = {"Retry-After": "30"} if status == 429 else None
        return JSONResponse(self.refusal(error), status, headers)

    async def on_invalid(self, _: Request, error: Exception) -> Response:
        """Answer a request that is not as OpenAPI says."""
        assert isinstance(error, RequestValidationError)
        return JSONResponse(self.refusal(_invalid(error.errors()[0])), 422)


def _invalid(first: Any) -> InputError:
    place = " ".join(str(part) for part in first["loc"] if part != "body")
    return InputError.of(f"request, {place}" if place else "request", got=first["msg"])


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":")) + "\n"


def page_routes(pages: Pages) -> APIRouter:
    """Route to the page."""
    routes = APIRouter(include_in_schema=False)
    text = (STATIC / "index.html").read_text(encoding="utf-8")

    @routes.get("/")
    async def page(request: Request, token: str = "") -> Response:
        if token and pages.is_server_token(token):  # once, to keep the token out of the address
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, pages.open(), httponly=True, samesite="strict")
            return answer
        if not pages.may_open(request):
            return HTMLResponse("<!doctype html><title>molmeta</title><p>Open the address that "
                                "molmeta printed, with its token.", 401)  # fmt: skip
        fields = {"token": pages.open(), "version": __version__}
        filled = text
        for name, value in fields.items():
            filled = filled.replace(f"[[{name}]]", escape(value))
        return HTMLResponse(filled)

    return routes


def api_routes(service: Service) -> APIRouter:
    """Route to the endpoints."""
    routes = APIRouter(prefix="/api/v1", responses=_REFUSALS)
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
    async def measured(
        file: Annotated[UploadFile, File(description="A table: CSV, TSV, XLSX, SDF …")],
        columns: Annotated[str, Form(description="A `ColumnChoice` as JSON.")] = "{}",
    ) -> Measured:
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
    async def library(
        file: Annotated[UploadFile, File(description="A table: CSV, TSV, XLSX, SDF …")],
        columns: Annotated[str, Form(description="`smiles_column` as JSON.")] = "{}",
    ) -> Library:
        """Read a library of molecules to rank."""
        found = await service.reader.answer(
            "read_library",
            name=file.filename or "table",
            content=await file.read(),
            smiles_column=_choice(columns).smiles_column,
            most_rows=limits.most_library,
        )
        return Library(**found)

    @routes.post("/warm", status_code=204)
    async def warm() -> None:
        """Load the first model, so that a ranking need not wait for it."""
        if service.ranker.n_waiting == 0:
            first = next(iter(service.settings.models.values()))
            service.ranker.start("warm", model=first)

    @routes.post("/rank", responses=_STREAM)
    async def rank(request: RankRequest) -> StreamingResponse:
        """Rank molecules; the answer is a stream of events, and closing it cancels the work."""
        arguments = service.learning(request)
        n = len(request.molecules)
        if not 0 < n <= limits.most_library:
            raise InputError.of(
                "molecules", got=f"{n:,}", expected=f"1 to {limits.most_library:,} on this page"
            )
        job = service.ranker.start(
            "rank", molecules=request.molecules, workers=service.settings.workers, **arguments
        )
        return StreamingResponse(service.events(job), media_type=NDJSON)

    @routes.post("/explain")
    async def explain(request: ExplainRequest) -> Explanation:
        """Say which measured molecules, and which atoms, decide a molecule's place."""
        arguments = service.learning(request)
        found = await service.ranker.answer("explain", smiles=request.smiles, **arguments)
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
        raise _invalid(error.errors()[0]) from None
