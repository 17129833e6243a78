"""The command line seen from outside: output, files and exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import ntksim
from running_studies import ntksim as process

TINY = """\
study: tiny
dataset: three_points
architecture: shallow_relu
width: [8, .inf]
seed: {count: 2}
kernel: [analytic, empirical]
solver: eigh
time: [0, 1, .inf]
record: [predictions, loss, spectrum]
"""

TORN = """\
from dataclasses import dataclass
from ntksim import Activation, hookimpl

@dataclass(frozen=True)
class Torn(Activation):
    '''Raises.'''

    name = "torn"

    def value(self, x):
        raise RuntimeError('torn apart')

    def derivative(self, x):
        return x

@hookimpl
def ntksim_activations():
    return [Torn]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny study was run."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "tiny.yaml").write_text(TINY)
    done = process("run", "tiny.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "tiny.zarr" in done.stdout
    assert "xarray.open_datatree" in done.stdout
    return folder


def test_help_teaches_and_needs_no_heavy_library(tmp_path: Path) -> None:
    shown = process("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for word in ("check", "run", "status", "verify", "plugins", "schema", "Exit codes", "75"):
        assert word in shown.stdout
    probe = (
        "import sys; from click.testing import CliRunner; from ntksim.cli import main;"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0;"
        "print({'numpy', 'pydantic', 'dask', 'distributed', 'xarray', 'zarr'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert loaded.stdout.strip() == "set()", loaded.stdout + loaded.stderr


@pytest.mark.parametrize("command", ["check", "run", "status", "verify", "plugins", "schema"])
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    shown = ntksim(command, "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) > 4


def test_the_printed_commands_open_the_results(folder: Path) -> None:
    done = ntksim("run", "tiny.yaml", cwd=folder)
    code = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
    script = "\n".join([*code, "assert results.loss_train.sel(width=8, time=1).shape"])
    opened = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=folder, capture_output=True, text=True
    )
    assert opened.returncode == 0, opened.stderr


def test_running_again_computes_nothing(folder: Path) -> None:
    done = ntksim("run", "tiny.yaml", cwd=folder)
    assert done.returncode == 0
    assert "(0 computed" in done.stdout


def test_a_misspelt_command_is_recognised(tmp_path: Path) -> None:
    refused = ntksim("chekc", "tiny.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert "No such command 'chekc'. Did you mean 'check'?" in refused.stderr


def test_results_that_a_study_no_longer_asks_for_are_said_to_be_kept(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    assert "not in the store" not in ntksim("run", "tiny.yaml", cwd=tmp_path).stdout
    (tmp_path / "tiny.yaml").write_text(TINY.replace("[8, .inf]", "8"), encoding="utf-8")
    fewer = ntksim("run", "tiny.yaml", cwd=tmp_path)
    assert "\n1 earlier results that tiny.yaml does not ask for are not in the" in fewer.stdout
    assert "kept in tiny.cells" in fewer.stdout
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    again = ntksim("run", "tiny.yaml", cwd=tmp_path)
    assert "(0 computed" in again.stdout
    assert "not in the store" not in again.stdout


def test_check_counts_shared_work(folder: Path) -> None:
    done = ntksim("check", "tiny.yaml", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # Grid: 2 widths x 2 seeds x 2 kernels. At infinite width the empirical kernel is impossible
    # (2 positions) and the analytic one starts from zero, so both seeds are one cell.
    assert found["positions"] == 8
    assert sum(found["not_applicable"].values()) == 2
    assert found["cells"] == 5
    # One analytic kernel in all, an empirical one for each of two seeds.
    assert found["kernels"] == 3
    assert found["spectra"] == 3
    assert found["initial_outputs"] == 2
    assert found["stored"] == 5
    assert found["missing"] == 0


def test_check_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    assert ntksim("check", "tiny.yaml", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


def test_status_says_what_is_done_and_what_is_impossible(folder: Path) -> None:
    done = ntksim("status", "tiny.zarr", cwd=folder)
    assert done.returncode == 0
    assert "6 done" in done.stdout
    assert "2 not applicable" in done.stdout
    assert "finite width" in done.stdout
    found = json.loads(ntksim("status", "tiny.zarr", "--json", cwd=folder).stdout)
    assert found["counts"] == {"done": 6, "not applicable": 2}
    assert found["cells"] == 5


def test_check_and_status_count_the_same_in_the_same_words(folder: Path) -> None:
    grid = "8 positions of the grid, of which 6 share 5 cells and 2 are not applicable"
    checked = " ".join(ntksim("check", "tiny.yaml", cwd=folder).stdout.split())
    assert f"{grid}: 5 stored, 0 failed before, 0 to compute" in checked
    status = ntksim("status", "tiny.zarr", cwd=folder).stdout.splitlines()
    assert status[0].startswith(f"tiny: {grid}; cells took ")
    assert status[1] == "positions: 6 done, 2 not applicable"


def test_verify_finds_a_missing_chunk(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    assert ntksim("run", "tiny.yaml", cwd=tmp_path).returncode == 0
    assert ntksim("verify", "tiny.zarr", cwd=tmp_path).returncode == 0
    chunk = next((tmp_path / "tiny.zarr" / "loss_train").glob("c*"))
    chunk.unlink()
    found = ntksim("verify", "tiny.zarr", cwd=tmp_path)
    assert found.returncode == 3
    assert "loss_train" in found.stdout
    assert ntksim("run", "tiny.yaml", cwd=tmp_path).returncode == 0
    assert ntksim("verify", "tiny.zarr", cwd=tmp_path).returncode == 0


def test_plugins_lists_origin_version_description_and_failures(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such detector')\n")
    shown = ntksim("plugins", "broken.py", "--json", cwd=tmp_path)
    assert shown.returncode == 0
    found = json.loads(shown.stdout)
    rows = {(row["kind"], row["name"]): row for row in found["plugins"]}
    mlp = rows["architecture", "mlp"]
    assert mlp["plugin"] == "builtin"
    assert mlp["version"]
    assert mlp["description"]
    assert {kind for kind, _ in rows} == {
        "architecture",
        "kernel",
        "solver",
        "dataset",
        "diagnostic",
        "activation",
    }
    assert "no such detector" in found["broken"][0]["reason"]
    table = ntksim("plugins", "broken.py", cwd=tmp_path)
    assert "shallow_relu" in table.stdout
    assert "no such detector" in table.stdout


def test_plugins_explains_the_named_ones_and_refuses_others(tmp_path: Path) -> None:
    shown = ntksim("plugins", "mlp", "builtin:file", cwd=tmp_path)
    assert shown.returncode == 0
    assert "mlp (architecture)" in shown.stdout
    assert "  depth (default 3): Number of hidden layers." in shown.stdout
    assert "  path (required): " in shown.stdout
    assert "gradient_descent" not in shown.stdout
    refused = ntksim("plugins", "mpl", cwd=tmp_path)
    assert refused.returncode == 2
    assert "there is no plugin or file 'mpl'" in refused.stderr
    assert "did you mean 'mlp'?" in refused.stderr


def test_check_says_how_large_the_data_are_and_how_long_training_takes(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    quick = ntksim("check", "tiny.yaml", cwd=tmp_path).stdout
    assert "three_points: 3 training points and 101 test points; inputs 1, outputs 1" in quick
    assert "step by step" not in quick
    real = TINY.replace("eigh", "network_gradient_descent")
    (tmp_path / "tiny.yaml").write_text(real, encoding="utf-8")
    slow = " ".join(ntksim("check", "tiny.yaml", cwd=tmp_path).stdout.split())
    # Two seeds at width 8, each for two kernels whose spectra are recorded; none at infinite width.
    assert "2 networks are trained step by step, which takes about" in slow


def test_a_fault_of_an_activation_is_shown_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "torn.py").write_text(TORN, encoding="utf-8")
    study = TINY.replace("shallow_relu", "{name: mlp, activation: torn}") + "plugins: [torn.py]\n"
    (tmp_path / "tiny.yaml").write_text(study, encoding="utf-8")
    shown = ntksim("check", "tiny.yaml", cwd=tmp_path)
    assert shown.returncode == 2
    assert "RuntimeError: torn apart" in shown.stderr
    line = 1 + TORN.splitlines().index("        raise RuntimeError('torn apart')")
    assert f", in line {line} of {tmp_path / 'torn.py'}, value" in shown.stderr


def test_schema_is_written_and_accepts_the_shipped_studies(tmp_path: Path) -> None:
    import jsonschema
    import yaml

    assert ntksim("schema", "-o", "ntksim.schema.json", cwd=tmp_path).returncode == 0
    schema = json.loads((tmp_path / "ntksim.schema.json").read_text())
    studies = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
    assert studies
    for study in studies:
        content = yaml.safe_load(study.read_text())
        if "plugins" not in content:  # what a study's own files offer is not installed
            jsonschema.Draft202012Validator(schema).validate(content)


def test_a_wrong_study_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(TINY.replace("solver: eigh", "solver: eig"))
    refused = ntksim("run", "wrong.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert "wrong.yaml:7:9" in refused.stderr
    assert "did you mean 'eigh'" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"]


def test_a_store_of_another_study_is_refused(folder: Path) -> None:
    other = folder / "other.yaml"
    other.write_text(TINY.replace("study: tiny", "study: other"))
    refused = ntksim("run", "other.yaml", "--store", "tiny.zarr", cwd=folder)
    assert refused.returncode == 3
    assert "'tiny'" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "nowhere.yaml"), 2),
        (("status", "nowhere.zarr"), 3),
        (("verify", "nowhere.zarr"), 3),
        (("rnu",), 2),
        (("run", "tiny.yaml", "--workers", "0"), 2),
        pytest.param(
            ("run", "tiny.yaml", "--scheduler", "tcp://127.0.0.1:9"), 2, marks=pytest.mark.workers
        ),
    ],
)
def test_mistakes_end_in_a_sentence(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    refused = ntksim(*arguments, cwd=tmp_path)
    assert refused.returncode == code, refused.stderr
    assert refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_a_plugin_prints_does_not_spoil_an_answer_in_json(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "import sys\nprint('loading {')\nsys.stdout.write('[')\n", encoding="utf-8"
    )
    (tmp_path / "tiny.yaml").write_text(TINY + "plugins: loud.py\n", encoding="utf-8")
    for arguments in (("check", "tiny.yaml"), ("plugins", "loud.py")):
        done = process(*arguments, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)
        assert "loading {" in done.stderr
