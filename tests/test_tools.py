"""The tools behind make, on notebooks small enough to run in a second."""

import importlib
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
PICTURE = """from IPython.display import display
import base64
pixel = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
display({"image/png": base64.b64encode(pixel).decode(), "text/plain": "a dot"}, raw=True,
        metadata={"image/png": {"alt": "a single dot"}})"""
CLAIMS = """class coursekit:
    start = dict
class ClaimError(AssertionError):
    pass
seed = coursekit.start(seed=1)["seed"]
print(f"✓ twice the seed: {2 * seed} ≤ 100")
print(f"✓ a share: {seed / 100} in [0, 0.5]")
print("✓ shape: (2, 3) = (2, 3)")"""
LAB = f"sys.path.insert(0, {str(ROOT / 'tools')!r})\nimport lab\nlab.main()"
FAILING_CLAIM = """if seed > 2:
    raise ClaimError(f"the seed: {seed}, claimed ≤ 2")
print(f"✓ the seed: {seed} ≤ 2")"""


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return {name: importlib.import_module(name) for name in ("execution", "build_course", "seeds", "badges")}


@pytest.fixture
def course(tools, tmp_path, monkeypatch):
    """A course of two notebooks, the first of which fails."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for stem, cells in {
        "01_broken": [
            new_markdown_cell("# 01 · Broken"),
            new_code_cell("print('before')"),
            new_code_cell("\n# a comment\n1 / 0"),
            new_code_cell("print('after')"),
        ],
        "02_sound": [
            new_markdown_cell("# 02 · Sound\n\n$x^2$"),
            new_code_cell(PICTURE),
            new_markdown_cell("> **Erratum.** A slip."),
            new_code_cell("print('✓ a claim: 1 ≤ 2')"),
        ],
    }.items():
        for cell in cells:
            cell.metadata["slideshow"] = {"slide_type": "slide"}
        nbformat.write(
            new_notebook(
                cells=cells,
                metadata={
                    "kernelspec": {"name": "a kernel that no machine has", "display_name": "?", "language": "python"}
                },
            ),
            folder / f"{stem}.ipynb",
        )
    for module in tools.values():
        for name, value in (("ROOT", tmp_path), ("NOTEBOOKS", folder), ("BUILD", tmp_path / "build")):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    return tmp_path


def build(tools, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["build_course.py", *arguments])
    return tools["build_course"].main()


LARGE = "held = bytearray(range(250)) * 400_000; print('ready', flush=True); input()"  # 100 MB


def test_memory_is_that_of_a_process_and_of_those_it_started(tools):
    megabytes, before = tools["execution"].megabytes, tools["execution"].megabytes(psutil.Process())
    with subprocess.Popen([sys.executable, "-c", LARGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        with_child = megabytes(psutil.Process())
        child.communicate(b"\n")
    assert with_child - before == pytest.approx(105, abs=25)
    assert megabytes(psutil.Process()) == pytest.approx(before, abs=25)


@pytest.mark.parametrize(
    ("dying", "failure"), [(1, None), (3, "RuntimeError: the kernel died before it answered, 3 times")]
)
def test_a_kernel_that_dies_at_once_is_started_again(tools, monkeypatch, tmp_path, dying, failure):
    execution, kernels = tools["execution"], []
    sound = execution._Kernel.kernel_spec.fget

    def kernel_spec(self):
        spec = sound(self)
        kernels.extend({self} - set(kernels))
        if kernels.index(self) < dying:
            spec.argv[1:] = ["-c", "pass"]
        return spec

    monkeypatch.setattr(execution._Kernel, "kernel_spec", property(kernel_spec))
    notebook = new_notebook(cells=[new_code_cell("6 * 7")])
    run = execution.execute(notebook, tmp_path)
    assert run.failure == failure
    assert len(notebook.cells[0].outputs) == (failure is None) and len(kernels) == min(dying + 1, 3)


def test_a_kernel_that_dies_in_a_cell_is_reported(tools, tmp_path):
    cells = [new_code_cell("6 * 7"), new_code_cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")]
    run = tools["execution"].execute(notebook := new_notebook(cells=[*cells, new_code_cell("8")]), tmp_path)
    assert re.search("DeadKernelError|[Kk]ernel died", run.failure)
    assert [len(cell.outputs) for cell in notebook.cells] == [1, 0, 0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_has_no_memory_of_its_own(tools):
    megabytes, before = tools["execution"].megabytes, tools["execution"].megabytes(psutil.Process())
    pid = os.fork()
    if not pid:
        time.sleep(60)
        os._exit(0)
    try:
        assert before > 50 and megabytes(psutil.Process()) == pytest.approx(before, abs=25)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_failing_notebook_is_reported_and_the_rest_still_runs(tools, course, monkeypatch, capsys):
    stored = {path: path.read_bytes() for path in (course / "notebooks").iterdir()}
    assert build(tools, monkeypatch) == 1
    out = capsys.readouterr().out
    assert re.search(r"\[\d/2\] 01_broken .*\d s +\d+ MB   FAILED\n +cell 3, `# a comment`: ZeroDivisionError", out)
    assert re.search(r"\[\d/2\] 02_sound .*\d s +\d+ MB   ok", out)
    assert "1 of 2 notebooks failed" in out
    assert {path: path.read_bytes() for path in (course / "notebooks").iterdir()} == stored
    broken = nbformat.read(course / "build" / "notebooks" / "01_broken.ipynb", as_version=4)
    assert [cell.get("execution_count") for cell in broken.cells[1:]] == [1, 2, None]  # stopped at the failure

    pages = {
        path.relative_to(course / "build").as_posix(): path.read_text(encoding="utf-8")
        for path in (course / "build").glob("*/*.html")
    }
    assert set(pages) == {f"{kind}/{stem}.html" for kind in ("pages", "slides") for stem in ("01_broken", "02_sound")}
    assert "ZeroDivisionError" in pages["pages/01_broken.html"]
    for html in [*pages.values(), (course / "build" / "index.html").read_text(encoding="utf-8")]:
        loaded = re.findall(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']([^"']+)""", html)
        assert loaded and not [address for address in loaded if address.startswith(("http", "//"))]
        for address in loaded:
            if not address.startswith("data:") and html in pages.values():
                assert (course / "build" / "pages" / address.split("?")[0]).exists(), address
    for kind in ("pages", "slides"):
        assert 'alt="a single dot"' in pages[f"{kind}/02_sound.html"]
        assert '<html lang="en">' in pages[f"{kind}/02_sound.html"]
    assert "<title>02 · Sound</title>" in pages["pages/02_sound.html"]
    assert "01_broken.html" in pages["pages/02_sound.html"]  # the way back
    assert pages["slides/02_sound.html"].count("<section") >= 4


def test_the_slowest_cells_are_named(tools, course, monkeypatch, capsys):
    waiting = new_notebook(cells=[new_markdown_cell("# 03 · Slow"), new_code_cell("import time\ntime.sleep(1.5)")])
    nbformat.write(waiting, course / "notebooks" / "03_slow.ipynb")
    build(tools, monkeypatch, "--slowest", "2")
    first, second = re.findall(r"^ +(\d+\.\d) s   (\d\d cell \d+, `.*`)$", capsys.readouterr().out, re.MULTILINE)
    assert first == (first[0], "03 cell 2, `import time`") and float(first[0]) >= 1.5
    assert second[1].startswith(("01 ", "02 "))


@pytest.mark.parametrize(
    ("gigabytes", "profile", "expected"), [(100, "quick", 3), (6, "quick", 2), (1, "quick", 1), (100, "full", 1)]
)
def test_as_many_notebooks_at_once_as_fit(tools, monkeypatch, gigabytes, profile, expected):
    tool = tools["build_course"]
    monkeypatch.setattr(tool.os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr(tool.psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 10**9))
    monkeypatch.setattr(tool.Path, "glob", lambda folder, pattern: iter(()))  # no GPU
    monkeypatch.setenv("COURSEKIT_PROFILE", profile)
    assert tool.as_many_as_fit() == expected and isinstance(tool.as_many_as_fit(), int)
    monkeypatch.setattr(tool.Path, "glob", lambda folder, pattern: iter([folder / "nvidia3"]))
    assert tool.as_many_as_fit() == 1


def test_outputs_are_stored_only_on_success(tools, course, monkeypatch):
    broken = course / "notebooks" / "01_broken.ipynb"
    before = broken.read_bytes()
    assert build(tools, monkeypatch, "--store") == 1
    assert broken.read_bytes() == before
    sound = nbformat.read(course / "notebooks" / "02_sound.ipynb", as_version=4)
    assert [cell.execution_count for cell in sound.cells if cell.cell_type == "code"] == [1, 2]
    assert not any("execution" in cell.metadata for cell in sound.cells)
    assert not (course / "build" / "pages").exists()


def test_notebooks_are_chosen_by_number_or_name(tools, course):
    chosen = tools["execution"].chosen
    assert [path.stem for path in chosen([])] == ["01_broken", "02_sound"]
    for name in ("02", "02_sound", "02_sound.ipynb"):
        assert [path.stem for path in chosen([name])] == ["02_sound"]
    with pytest.raises(SystemExit, match="no notebook '07'.*01_broken, 02_sound"):
        chosen(["07"])


def test_what_to_present_is_named(run_python):
    for name, expected in ("", "Which notebook?"), ("99", "no notebook '99'"):
        done = run_python(f"import sys\nsys.argv += ['--present', {name!r}]\n{LAB}", succeed=False)
        assert done.returncode == 1 and done.stderr.startswith(expected)


def test_seeds_prints_the_statistics_of_each_claim(tools, tmp_path, capsys):
    path = tmp_path / "01_claims.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(CLAIMS), new_code_cell(FAILING_CLAIM)]), path)
    before = path.read_bytes()
    assert tools["seeds"].table(path, 4, tmp_path) == 1
    assert path.read_bytes() == before
    lines = {line.split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}

    values = [2, 4, 6, 8]
    expected = (100 - statistics.mean(values)) / statistics.stdev(values)
    assert re.search(rf"0/4 +8 +5 +2\.6 +≤ 100 +{expected:.1f}$", lines["twice the seed"])
    assert re.search(r"0/4 +0\.01 +0\.025 +0\.013 +in \[0, 0\.5\] +1\.9  <-- too near$", lines["a share"])
    assert lines["shape"].endswith("0/4   exact")
    assert re.search(r"2/4 +4 +2\.5 .*<-- too near$", lines["the seed"])


def test_the_distance_of_skewed_values_is_counted_in_logarithms(tools):
    distance, inf = tools["seeds"].distance, float("inf")
    ratios = [2.0, 4.0, 8.0, 16.0, 32.0]
    step = statistics.stdev([1, 2, 3, 4, 5])
    assert distance(ratios, 1.0, inf) == pytest.approx(3 / step)
    assert distance(ratios, -inf, 64.0) == pytest.approx(3 / step)
    assert distance(ratios, 1.0, 64.0) == distance(ratios, 1.0, inf)
    assert distance(ratios, 0.0, 64.0) == pytest.approx(3 / step)  # what is positive does not reach 0
    assert distance(ratios, 100.0, inf) < 0
    assert distance([1.0, 2.0, 3.0], 0.0, 5.0) == pytest.approx(2.0)  # not skewed: as they are
    assert distance([-1.0, 0.0, 7.0], -10.0, inf) == pytest.approx(12 / statistics.stdev([-1, 0, 7]))
    assert distance([0.3, 0.3], 0.0, 0.1) == inf  # it never varies: a failure is counted as such


@pytest.mark.parametrize(
    ("relation", "bound", "expected"),
    [
        ("≤", "0.02", (float("-inf"), 0.02)),
        ("≥", "-1e-06", (-1e-06, float("inf"))),
        ("in", "[0.4, 0.6]", (0.4, 0.6)),
        ("≈", "0.25 ± 0.05", (0.2, 0.3)),
    ],
)
def test_limits(tools, relation, bound, expected):
    assert tools["seeds"].limits(relation, bound) == pytest.approx(expected)


def test_the_tools_read_what_claim_writes(tools, capsys):
    from coursekit import ClaimError, claim

    claim("ratio: a to b", 0.52, between=(0.4, 0.6))
    claim("parameters", 61706, equals=61706)
    with pytest.raises(ClaimError) as failure:
        claim("error", float("nan"), at_most=0.02)
    output = [
        nbformat.v4.new_output("stream", text=capsys.readouterr().out),
        nbformat.v4.new_output("error", ename="ClaimError", evalue=str(failure.value)),
    ]
    found = tools["seeds"].measurements(new_notebook(cells=[new_code_cell("", outputs=output)]))
    assert [(run.name, run.measured, run.relation, run.bound, run.failed) for run in found] == [
        ("ratio: a to b", "0.52", "in", "[0.4, 0.6]", False),
        ("parameters", "61706", "=", "61706", False),
        ("error", "nan", "≤", "0.02", True),
    ]


def test_badges_follow_the_address_in_pyproject(tools, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[project.urls]\nRepository = "https://github.com/ada/course"\n', encoding="utf-8"
    )
    link = "https://colab.research.google.com/github/OWNER/old/blob/main/notebooks/01_a.ipynb"
    binder = "https://mybinder.org/v2/gh/OWNER/old/main?labpath=notebooks%2F01_a.ipynb"
    (tmp_path / "README.md").write_text(f"[Colab]({link})\ngit clone https://github.com/OWNER/old\n", encoding="utf-8")
    path = tmp_path / "notebooks" / "01_a.ipynb"
    nbformat.write(
        new_notebook(
            cells=[
                new_markdown_cell(f"{link} {binder}"),
                new_code_cell("%pip install git+https://github.com/OWNER/old"),
            ]
        ),
        path,
    )

    main = tools["badges"].main
    assert main(check=True, root=tmp_path) == 1 and "OWNER" in path.read_text(encoding="utf-8")
    assert main(check=False, root=tmp_path) == 0
    assert "OWNER" not in path.read_text(encoding="utf-8") + (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "github/ada/course/blob/main/notebooks/01_a.ipynb" in path.read_text(encoding="utf-8")
    assert "gh/ada/course/main?labpath=notebooks%2F01_a.ipynb" in path.read_text(encoding="utf-8")
    assert "git+https://github.com/ada/course" in path.read_text(encoding="utf-8")
    written = path.read_bytes()
    assert main(check=True, root=tmp_path) == 0 and main(check=False, root=tmp_path) == 0
    assert path.read_bytes() == written


def test_this_repository_is_addressed_in_one_place(tools):
    assert tools["badges"].main(check=True) == 0
