"""The documentation in a browser: Swagger UI from a Python package, so that it works without the internet."""

from __future__ import annotations

from html import escape
from pathlib import Path

import flask_swagger_ui
from apiflask import APIBlueprint
from flask import Response, redirect, send_from_directory, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from web.errors import KINDS, TYPE_PREFIX

blueprint = APIBlueprint("docs", __name__, enable_openapi=False)

_ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"
_ASSET_NAMES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
# Swagger UI styles elements as it makes them; nothing else may run or be loaded, from here or elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Yardmaster API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: true, validatorUrl: null,
});
"""


@blueprint.get("/")
def open_docs() -> AnyResponse:
    """Lead a browser from the root to the documentation."""
    return redirect(url_for("docs.show_docs"))


@blueprint.get("/docs")
def show_docs() -> Response:
    """Show the API's documentation."""
    return Response(_PAGE, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})


@blueprint.get("/docs/start.js")
def start_docs() -> Response:
    """Start Swagger UI on our specification."""
    return Response(_START, mimetype="text/javascript")


@blueprint.get("/docs/assets/<name>")
def get_asset(name: str) -> Response:
    """Serve a file of Swagger UI."""
    if name not in _ASSET_NAMES:
        raise NotFound
    return send_from_directory(_ASSETS, name, max_age=86400)


@blueprint.get(f"{TYPE_PREFIX}<slug>")
def show_problem(slug: str) -> Response:
    """Explain a problem's type."""
    kind = next((kind for kind in KINDS if kind.slug == slug), None)
    if kind is None:
        raise NotFound
    text = f"<!doctype html><title>{escape(kind.title)}</title><h1>{kind.status} {escape(kind.title)}</h1>"
    return Response(f"{text}<p>{escape(kind.advice)}</p>", mimetype="text/html")
