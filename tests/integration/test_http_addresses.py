"""Addresses with what no name can have: every route that there is, and every one that will be."""

from __future__ import annotations

import re
from pathlib import Path

from tests.apis import api

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def test_a_nul_in_an_address_is_found_nowhere_and_routes_say_so(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with api(database_url, redis_url, home=tmp_path) as yard:
        admin = yard.client("ada", is_admin=True)
        rules = [rule for rule in yard.app.url_map.iter_rules() if rule.arguments]

        statuses = {
            (method, rule.rule): admin.open(re.sub("<[^>]*>", "a%00", rule.rule), method=method).status_code
            for rule in rules
            for method in METHODS
            if rule.methods and method in rule.methods
        }

        paths = admin.get("/openapi.json").json["paths"]

    assert len(statuses) > 20
    assert {route: status for route, status in statuses.items() if status != 404} == {}
    silent = {
        operation["operationId"]
        for path, item in paths.items()
        for operation in item.values()
        if "{" in path and "404" not in operation["responses"]
    }
    assert silent == set()
