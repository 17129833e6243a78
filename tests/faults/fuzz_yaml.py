"""Coverage-guided search for texts that the reader of studies does not survive.

    pip install atheris
    python tests/faults/fuzz_yaml.py -max_total_time=60

Options are those of libFuzzer. It begins with the studies of this repository and with
``yaml_corpus``; an input that fails is written to a file, which belongs into that folder once the
fault is mended.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1]


def main() -> None:
    import atheris

    sys.path.insert(0, str(TESTS))
    with atheris.instrument_imports(  # pyright: ignore[reportAttributeAccessIssue]
        include=["yaml", "ntksim.study"]
    ):
        from faults import yaml_target
    yaml_target.use_one_registry()
    found = Path(tempfile.mkdtemp(prefix="ntksim-corpus-"))
    for path in yaml_target.seeds():
        (found / path.name).write_bytes(path.read_bytes())
    options = ["-max_len=1500", "-timeout=20", "-rss_limit_mb=2048", f"-dict={_words(found)}"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:], str(found)], yaml_target.try_bytes)
    atheris.Fuzz()


def _words(folder: Path) -> Path:
    """Write the words of studies as a dictionary of libFuzzer."""
    from ntksim.registry import Registry
    from ntksim.study import AXES

    words = {*AXES, "study", "time", "record", "plugins", "store", "initial_output", "description"}
    words |= {"logspace", "linspace", "values", "include", "count", "root", "name", "label"}
    words |= {".inf", ".nan", "1e-3", "0x1F", "&a ", "*a", "<<: ", "- ", ": ", "? ", "--- ", "!!"}
    for offer in Registry.load().offers:
        words |= {offer.cls.name, *offer.options}
    path = folder.with_suffix(".dict")
    path.write_text("".join(f'"{word}"\n' for word in sorted(words)), encoding="ascii")
    return path


if __name__ == "__main__":
    main()
