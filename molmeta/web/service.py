"""The service behind the routes: settings, open pages, the processes that work, refusals."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.responses import Response

from molmeta.errors import InputError, MolmetaError
from molmeta.web.answers import Learning
from molmeta.web.guard import Pages
from molmeta.web.settings import Settings
from molmeta.web.worker import Busy, Job, TimeUp, Worker


class Service:
    """A server's settings, its open pages, and the two processes that work for it.

    One reads tables, so that this never waits for a ranking; the other holds the model.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare; no process is started yet."""
        limits = settings.limits
        self.settings = settings
        self.pages = Pages(limits.most_pages, settings.token)
        self.reader = Worker(
            "molmeta.web.reading",
            seconds=limits.read_seconds,
            most_waiting=4 * limits.most_waiting,
            most_memory=limits.read_memory,
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
            "values": [one.value for one in request.measured],
            "prevalence": request.prevalence,
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
        told: dict[str, Any] = {"message": str(error)}
        if isinstance(error, InputError):
            told |= error.parts
        for name, place in self.settings.models.items():
            told = {key: text and text.replace(place, name) for key, text in told.items()}
        for key in ("columns", "assays"):
            told[key] = told[key].split("\n") if told.get(key) else []
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
        return JSONResponse(self.refusal(invalid(error.errors()[0])), 422)


def invalid(first: Any) -> InputError:
    """Word the first of pydantic's errors as the program words its own."""
    place = " ".join(str(part) for part in first["loc"] if part != "body")
    return InputError.of(f"request, {place}" if place else "request", got=first["msg"])


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":")) + "\n"
