"""The content that comes along with the platform, published where there is none yet."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import show_progress
from cli.publishing import REFUSALS, open_blob_store, publish_part, read_parts
from config.settings import REPOSITORY, StackSettings
from domain.content.sets import PublishConflictError, read_pointer

SHIPPED = REPOSITORY / "config" / "content"
PUBLISHER = "yardmaster up"


def publish_shipped(settings: StackSettings, folder: Path = SHIPPED) -> None:
    """Publish each set in ``folder`` of which nothing was published yet; what an operator published stays.

    Before any process starts, so nobody has to be told. A store that is away is only mentioned: all else works.

    Raises:
        SettingsError: the settings name no store.
    """
    if not folder.is_dir():
        return
    store = open_blob_store(settings)
    try:
        for part in read_parts(folder):
            if read_pointer(store, part.name) is None:
                publish_part(store, part, PUBLISHER, may_shrink=False)
    except PublishConflictError:
        return  # Somebody else starts on the same store.
    except (click.ClickException, *REFUSALS) as error:
        reason = error.message if isinstance(error, click.ClickException) else str(error)
        show_progress(f"The content that comes along could not be published: {reason}")
