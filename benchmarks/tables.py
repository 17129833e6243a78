"""Tables of results, and of what changed between two of them."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def rendered(found: dict[str, Any]) -> str:
    """Write one target's results as Markdown."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    options = " --quick" if found["quick"] else ""
    options += "".join(f' --only "{text}"' for text in found["only"])
    about = (
        f"`python -m benchmarks {found['target']}{options}`, "
        f"{machine['time']} UTC, {machine['processor']}, {machine['cores']} cores, "
        f"Python {machine['python']}, {versions}; load {machine['load']} before, "
        f"{found['load_after']} after."
    )
    lines = [f"## {found['title']}", "", about, ""]
    for comparison in found["comparisons"]:
        lines += [f"**{comparison['name']}**", ""]
        lines += ["| | median s | fastest | slowest | first call | peak MiB | |", "|---" * 7 + "|"]
        lines += [_contender_row(own) for own in comparison["contenders"].values()]
        lines.append("")
        if comparison["ratios"]:
            lines += ["| ratio | median | lowest | highest | in CPU time | wanted | reached |"]
            lines += ["|---" * 7 + "|"]
            lines += [_ratio_row(ratio) for ratio in comparison["ratios"]]
            lines.append("")
    return "\n".join(lines)


def compared(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, bool]:
    """Write both ratios beside each other; also whether one got worse by more than its spread.

    Ratios within one run do not depend on how fast the machine is, so results of different
    machines can be compared too, with care.
    """
    earlier = _ratios(before)
    lines = ["| comparison | ratio | before | after | change | |", "|---" * 6 + "|"]
    any_worse = False
    for key, new in _ratios(after).items():
        old = earlier.get(key)
        if old is None:
            lines.append(f"| {key[0]} | {key[1]} | – | {new['median']:.3g} | new | |")
            continue
        # Where at most something is wanted the ratio is a cost, otherwise an advantage.
        cost = new["at_most"] is not None
        worse = new["lowest"] > old["highest"] if cost else new["highest"] < old["lowest"]
        any_worse |= worse
        lines.append(
            f"| {key[0]} | {key[1]} | {old['median']:.3g} | {new['median']:.3g} | "
            f"{new['median'] / old['median'] - 1:+.0%} | {'worse' if worse else ''} |"
        )
    missing = [key for key in earlier if key not in _ratios(after)]
    lines += [
        f"| {name} | {label} | {earlier[name, label]['median']:.3g} | – | gone | |"
        for name, label in missing
    ]
    return "\n".join(lines), any_worse


def replace_table(page: Path, text: str) -> None:
    """Put the tables between the marks of a page."""
    head, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", encoding="utf-8")


def _ratios(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (comparison["name"], ratio["label"]): ratio
        for comparison in found["comparisons"]
        for ratio in comparison["ratios"]
    }


def _contender_row(own: dict[str, Any]) -> str:
    if "error" in own:
        last = own["error"].strip().splitlines()[-1].replace("|", "\\|")
        return f"| {own['name']} | – | – | – | – | – | failed: {last} |"
    seconds = own["seconds"]
    peaks = [peak for peak in own["peak_bytes"] if peak is not None]
    peak = f"{max(peaks) / 2**20:.0f}" if peaks else "–"
    return (
        f"| {own['name']} | {statistics.median(seconds):.3g} | {min(seconds):.3g} | "
        f"{max(seconds):.3g} | {own['first_seconds']:.3g} | {peak} | {_numbers(own['numbers'])} |"
    )


def _numbers(runs: list[dict[str, float]]) -> str:
    names = dict.fromkeys(name for run in runs for name in run)
    return ", ".join(
        f"{name} {statistics.median(run[name] for run in runs if name in run):.3g}"
        for name in names
    )


def _ratio_row(ratio: dict[str, Any]) -> str:
    wanted = ""
    if ratio["at_least"] is not None:
        wanted = f"≥ {ratio['at_least']:g}"
    if ratio["at_most"] is not None:
        wanted = f"≤ {ratio['at_most']:g}"
    reached = {None: "", True: "yes", False: "no"}[ratio["reached"]]
    return (
        f"| {ratio['label']} | {ratio['median']:.3g} | {ratio['lowest']:.3g} | "
        f"{ratio['highest']:.3g} | {ratio['cpu_median']:.3g} | {wanted} | {reached} |"
    )
