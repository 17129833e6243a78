"""A contender's process: prepares once, and runs and times whenever it is told to.

Reads lines from standard input and answers each with one line of JSON on standard output:
``{"function": …, "arguments": …}`` prepares, ``run`` runs, the end of input ends. What contenders
write to standard output goes to standard error. It needs nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    run: Any = None
    for line in sys.stdin:
        order = line.strip()
        try:
            if order == "run":
                answer = measure(run)
            else:
                task = json.loads(order)
                module, _, name = task["function"].partition(":")
                function = getattr(importlib.import_module(f"benchmarks.{module}"), name)
                run = function(**task["arguments"])
                answer = {"prepared": True}
        except Exception:  # noqa: BLE001 - whatever it is, the suite reports it
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")


def measure(run: Any) -> dict[str, Any]:
    """Time one run; its peak of memory is over what the process held before, in bytes."""
    gc.collect()
    before = reset_peak()
    cpu, start = time.process_time(), time.perf_counter()
    numbers = run()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    peak = status("VmHWM")
    answer: dict[str, Any] = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "numbers": dict(numbers or {}),
    }
    if before is not None and peak is not None:
        answer["peak_bytes"] = max(0, peak - before)
    return answer


def reset_peak() -> int | None:
    """Forget the highest memory so far; return the present one, or None where that is unknown."""
    with contextlib.suppress(OSError):
        CLEAR.write_text("5", encoding="ascii")  # resets VmHWM (proc(5))
        return status("VmRSS")
    return None


def status(field: str) -> int | None:
    """Return a size of this process in bytes, or None where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith(field + ":"):
                return 1024 * int(line.split()[1])
    return None


if __name__ == "__main__":
    main()
