"""The application: the page at `/`, its JSON endpoints at `/api/v1`, and the guard before them."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles

from molmeta import __version__
from molmeta.errors import MolmetaError
from molmeta.web.guard import Guard
from molmeta.web.routes import STATIC, page_routes, ranking_routes, table_routes
from molmeta.web.service import Service
from molmeta.web.settings import Settings


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
    for routes in (page_routes(service.pages), table_routes(service), ranking_routes(service)):
        app.include_router(routes)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(MolmetaError, service.on_error)
    app.add_exception_handler(RequestValidationError, service.on_invalid)
    return app
