"""What every asset needs of its run: the as-of date, and errors that cannot quote a value.

Put here: helpers of asset bodies. Never here: an asset.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import dagster as dg

from spine.errors import SpineError
from spine.runs import as_of_from
from spine.settings import Settings

#: The run tag that carries the as-of date; a run started in the UI may leave it out.
AS_OF_TAG = "spine/as_of"
EXIT_CODE = "exit_code"


def run_as_of(context: dg.AssetExecutionContext, settings: Settings) -> date:
    """The as-of date of the run that `context` belongs to."""
    return as_of_from(context.run.tags.get(AS_OF_TAG), settings)


@contextmanager
def scrubbed(step: str) -> Iterator[None]:
    """Turn any error into a Dagster failure whose text holds no data.

    Our own errors are written to be shown. A library's message can quote a row, so of those only
    the class and the place in our code are kept.
    """
    try:
        yield
    except dg.Failure:
        raise
    except SpineError as error:
        raise dg.Failure(str(error), metadata={EXIT_CODE: error.exit_code}, allow_retries=False) from None
    except Exception as error:
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
        place = f"{ours[-1].name}, line {ours[-1].lineno}" if ours else "a library"
        text = f"{step}: {type(error).__name__} in {place}. The message is withheld because it may quote data."
        raise dg.Failure(text, metadata={EXIT_CODE: SpineError.exit_code}, allow_retries=False) from None
