"""Runs studies in forked children, which start at once and can be killed without regret.

A program of its own: every line of standard input is a job in JSON, for which it says the child's
process and then how that ended. A job can make the child's n-th call that changes the file system
fail, or be its last one. Nothing is flushed to the disk, which a killed process does not need.
Cells say that they took no time and when the world began, so that equal runs are equal files.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import dask.local  # noqa: F401 - like the others, so that children need not
import filelock  # noqa: F401
import ntksim.engine
import ntksim.engine.provenance
import ntksim.engine.tasks
import ntksim.store.adopt
import ntksim.store.collect
import scipy.linalg  # noqa: F401
import sklearn.datasets  # noqa: F401
import threadpoolctl  # noqa: F401
import xarray  # noqa: F401
from ntksim.store import StoreInUse
from ntksim.study import Study, load_study

COMPLETE, INCOMPLETE, IN_USE, NO_ACCESS, UNEXPECTED = 0, 1, 75, 5, 9
"""How a child exits: the last two for an OSError and for anything else."""

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink"}
_ERRORS = {"error": errno.EIO, "full": errno.ENOSPC, "read-only": errno.EROFS}
_LASTING = {"full", "read-only"}
_NEEDS_SPACE = {"open", "os.mkdir", "os.link", "os.symlink"}
"""What a full disk refuses; things can still be removed from it, and renamed."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Shim:
    """Counts the calls that change something in a folder, and spoils one of them."""

    def __init__(self, folder: str, at: int, how: str) -> None:
        self.folder = folder
        self.at = at
        self.how = how
        self.count = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & _WRITES:
                return
        elif event in _CHANGES:
            path = arguments[0]
        else:
            return
        if not isinstance(path, str | os.PathLike) or not str(path).startswith(self.folder):
            return
        self.count += 1
        if self.count == self.at or (self.count > self.at and self.how in _LASTING):
            self.spoil(event, path)

    def spoil(self, event: str, path: str | os.PathLike[str]) -> None:
        if self.how == "full" and event not in _NEEDS_SPACE:
            return
        if number := _ERRORS.get(self.how):
            raise OSError(number, os.strerror(number), str(path))
        if self.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "tear" and event == "open":
            self.count -= 1000  # the call below is not to be counted
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    os.fsync = lambda _: None  # type: ignore[assignment]
    ntksim.engine.tasks._information = _timeless
    # Looks through what is installed, which is remembered and takes as long as a run.
    ntksim.engine.provenance.versions()
    studies: dict[str, Study] = {}
    for line in sys.stdin:
        job = json.loads(line)
        text = Path(job["study"]).read_text()
        if (study := studies.get(text)) is None:
            # Here and not in the child: to load what plugins need takes longer than a run.
            study = studies[text] = load_study(job["study"])
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(_run(job, study))
        _say(child)
        # Not collected before its end is told, so that its number stays its own until then.
        end = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert end is not None
        _say(end.si_status if end.si_code == os.CLD_EXITED else -end.si_status)
        sys.stdin.readline()
        os.waitpid(child, 0)


def _timeless(label: str, seconds: float) -> dict[str, Any]:
    del seconds
    return {"wall_time": 0.0, "host": "", "finished_at": "1970-01-01T00:00:00", "label": label}


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _run(job: dict[str, Any], study: Study) -> int:
    shim = Shim(job["folder"], job.get("at", 0), job.get("how", ""))
    if job.get("largest"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest"], job["largest"]))
    try:
        sys.addaudithook(shim)
        summary = ntksim.engine.run(study, store=job["store"])
        code = COMPLETE if summary.is_complete else INCOMPLETE
    except StoreInUse:
        code = IN_USE
    except OSError as error:
        code = NO_ACCESS
        if job.get("said"):
            Path(job["said"]).write_text(str(error))
    except BaseException:  # noqa: BLE001 - shown, and the test fails
        traceback.print_exc()
        code = UNEXPECTED
    if job.get("counted"):
        Path(job["counted"]).write_text(str(shim.count))
    return code


if __name__ == "__main__":
    main()
