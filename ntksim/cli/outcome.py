"""How commands end: exit codes, and errors shown as sentences."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import click

DONE = 0
CELLS_FAILED = 1
WRONG = 2
STORE_UNUSABLE = 3
STORE_IN_USE = 75
INTERRUPTED = 130


@contextmanager
def explained() -> Iterator[None]:
    """Show a user's mistake as its message, never as a traceback, and exit with its code."""
    from ntksim.engine import BadRequest, NoScheduler
    from ntksim.registry import RegistryError
    from ntksim.store import StoreInUse, StoreUnusable
    from ntksim.study import StudyError

    try:
        yield
    except StoreInUse as error:
        fail(str(error), STORE_IN_USE)
    except StoreUnusable as error:
        fail(str(error), STORE_UNUSABLE)
    except (StudyError, RegistryError, BadRequest, NoScheduler) as error:
        fail(str(error), WRONG)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(f"{where}{error.strerror or error}", WRONG)
    except KeyboardInterrupt:
        fail("interrupted; finished cells are kept, run again to continue", INTERRUPTED)


@contextmanager
def plugins_aside() -> Iterator[None]:
    """Let what plugins print go to standard error: standard output is ntksim's answer alone."""
    with redirect_stdout(sys.stderr):
        yield


def grid_of(positions: int, cells: int, impossible: int) -> str:
    """Say how many positions a grid has, and how many cells they share."""
    possible = positions - impossible
    share = f"share {cells} cells" if cells < possible else f"are {cells} cells"
    if not impossible:
        return f"{positions} positions of the grid {share}"
    verb = "is" if impossible == 1 else "are"
    return (
        f"{positions} positions of the grid, of which {possible} {share} and {impossible} {verb} "
        "not applicable"
    )


def fail(message: str, code: int) -> None:
    """Print an error and exit."""
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
