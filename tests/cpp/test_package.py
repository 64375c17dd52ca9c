"""libedgeseg as others get it: installed, found by CMake and pkg-config, and showing its documented ABI alone."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.artifact import SHIPPED
from tests.cpp.conftest import ROOT, run
from tests.cpp.library import Library

CPP = ROOT / "cpp_bridge"
NANO = str(SHIPPED / "road-nano")


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    places = ("PREFIX=" + str(prefix), "LIBDIR=lib", "DATADIR=data")
    run("cmake", "-S", CPP, "-B", built, *(f"-DCMAKE_INSTALL_{each}" for each in places))
    run("cmake", "--build", built)
    run("cmake", "--install", built)
    return prefix


def packaged(installed: Path, *options: str) -> list[str]:
    """What pkg-config answers."""
    path = {**os.environ, "PKG_CONFIG_PATH": str(installed / "lib/pkgconfig")}
    return subprocess.check_output(["pkg-config", *options, "edgeseg"], env=path, text=True).split()


def read_as_they_are(library: Library) -> list[str]:
    """Engines that take a bundle's file; TensorRT's is compiled for the card first."""
    return [engine for engine in library.engines() if engine != "tensorrt"]


def test_a_c_program_gives_pythons_mask(installed: Path, library: Library, tmp_path: Path) -> None:
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]
    run("cc", *strict, CPP / "examples/mask.c", "-o", tmp_path / "mask", *packaged(installed, "--cflags", "--libs"))
    frame = cv2.imread(str(ROOT / "docs/assets/street.jpg"))
    assert frame is not None
    assert cv2.imwrite(str(tmp_path / "frame.ppm"), frame)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(installed / "lib")}
    for engine in read_as_they_are(library):
        with (tmp_path / "frame.ppm").open("rb") as picture:
            done = subprocess.run(
                [tmp_path / "mask", NANO], stdin=picture, capture_output=True, env={**environment, "ENGINE": engine}
            )
        assert done.returncode == 0, done.stderr
        mask = cv2.imdecode(np.frombuffer(done.stdout, np.uint8), cv2.IMREAD_GRAYSCALE)
        python = edgeseg.load("road-nano", engine=engine, precision="fp32")
        assert np.array_equal(np.asarray(mask), python(np.asarray(frame, np.uint8)))
    refused = {
        b"P6 # of an editor\n1 1 255\nabc": b"/nowhere/bundle.json is not there",
        b"P6 1 1 255\nab": b"ends too early",
        b"P6 1 1 65535\nabcdef": b"whose highest value is 255",
        b"P6 99999999999 1 255\nabc": b"of 1x1 to 16384x16384 pixels",
        b"P5 1 1 255\na": b"no binary PPM",
    }
    for content, reason in refused.items():
        done = subprocess.run([tmp_path / "mask", "/nowhere"], input=content, capture_output=True, env=environment)
        assert (done.returncode, reason in done.stderr) == (2, True), done.stderr


def test_a_c_program_links_the_static_library(installed: Path, tmp_path: Path) -> None:
    flags = ["-l:libedgeseg.a" if each == "-ledgeseg" else each for each in packaged(installed, "--static", "--libs")]
    run("cc", f"-I{installed / 'include'}", CPP / "examples/mask.c", "-o", tmp_path / "mask", *flags)
    (tmp_path / "mask.c").symlink_to(CPP / "examples/mask.c")
    lines = ("project(mine LANGUAGES C)", "find_package(edgeseg REQUIRED)", "add_executable(mine mask.c)")
    linked = "target_link_libraries(mine edgeseg::static)"
    (tmp_path / "CMakeLists.txt").write_text("\n".join(("cmake_minimum_required(VERSION 3.18)", *lines, linked)))
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path / "build")


def test_the_installed_program_finds_library_and_bundles(installed: Path, built: Path, lossless: Path) -> None:
    if not (built / "edgeseg-run").exists():
        pytest.skip("edgeseg-run needs FFmpeg's libraries")
    command = [str(installed / "bin/edgeseg-run"), str(lossless), "--bundle", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert f"road, road-nano in {installed}/data/edgeseg/bundles;" in done.stderr


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("place", "libraries", "bundles"),
    [
        ("LIBDIR=/opt/lib", "/opt/lib", "../share"),
        ("BINDIR=lib/tools", r"\$ORIGIN/../../lib", "../../share"),
        ("BINDIR=/opt/bin", "/usr/local/lib", "/usr/local/share"),
    ],
)
def test_the_program_finds_folders_of_other_places(place: str, libraries: str, bundles: str, tmp_path: Path) -> None:
    given = ("EDGESEG_LIBRARY=ON", "EDGESEG_WITH_TENSORRT=OFF", "CMAKE_INSTALL_LIBDIR=lib", f"CMAKE_INSTALL_{place}")
    said = run("cmake", "-S", CPP, "-B", tmp_path, *(f"-D{each}" for each in given))
    if "edgeseg-run is left out" in said:
        pytest.skip("edgeseg-run needs FFmpeg's libraries")
    assert f'NEW_RPATH "{libraries}")' in (tmp_path / "cmake_install.cmake").read_text()
    flags = (tmp_path / "CMakeFiles/edgeseg_run.dir/flags.make").read_text()
    assert rf"EDGESEG_BUNDLES=\"{bundles}/edgeseg/bundles\"" in flags


def test_targets_have_names_of_their_own() -> None:
    """A project that takes cpp_bridge by add_subdirectory has all its targets beside its own."""
    files = [CPP / "CMakeLists.txt", *(CPP / "cmake").glob("*.cmake")]
    added = re.compile(r"^ *add_(?:custom_target|executable|library)\(([^\s)]+)", re.MULTILINE)
    targets = [name for file in files for name in added.findall(file.read_text())]
    assert "edgeseg_threaded" in targets
    assert [name for name in targets if not name.startswith("edgeseg")] == []


def test_pkg_config_follows_the_prefix_of_the_installation(installed: Path, built: Path, tmp_path: Path) -> None:
    """Which is another than that of configuring."""
    run("cmake", "--install", built, "--prefix", tmp_path / "moved")
    path = {**os.environ, "PKG_CONFIG_PATH": str(tmp_path / "moved/lib/pkgconfig")}
    for variable, file in {"libdir": "libedgeseg.so", "includedir": "edgeseg.h"}.items():
        command = ["pkg-config", f"--variable={variable}", "edgeseg"]
        folder = Path(subprocess.check_output(command, env=path, text=True).strip())
        assert (folder / file).resolve().is_relative_to(tmp_path / "moved")
        assert (folder / file).is_file()
        assert not folder.resolve().is_relative_to(installed)


def test_a_cmake_project_finds_both_libraries(installed: Path, library: Library, tmp_path: Path) -> None:
    run("cmake", "-S", CPP / "examples/consumer", "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path)
    classes = edgeseg.load("road-nano").spec.classes
    for engine in read_as_they_are(library):
        said = run(tmp_path / "classes", NANO, engine)
        assert said.split()
        assert set(said.split()) <= set(classes)
        assert run(tmp_path / "classes_static", NANO, engine) == said
    assert (installed / "include/edgeseg.h").exists()


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("words", "options"),
    {
        "EDGESEG_WITH_OPENVINO is 'OF', expected ON, OFF or AUTO": ["EDGESEG_WITH_OPENVINO=OF"],
        "ONNXRUNTIME_INCLUDE_DIR is /nowhere, where no onnxruntime_c_api.h": ["ONNXRUNTIME_INCLUDE_DIR=/nowhere"],
        "OpenVINO_DIR is /nowhere, where no OpenVINOConfig.cmake": ["OpenVINO_DIR=/nowhere"],
        "OpenVINO is not found: set": ["EDGESEG_WITH_OPENVINO=on", "CMAKE_DISABLE_FIND_PACKAGE_OpenVINO=ON"],
        "edgeseg-run needs: pkg-config libav": ["EDGESEG_WITH_RUN=ON", "PKG_CONFIG_EXECUTABLE=/nowhere"],
        "EDGESEG_ROOT is 'arm', expected": [f"CMAKE_TOOLCHAIN_FILE={CPP / 'cmake/aarch64.cmake'}", "EDGESEG_ROOT=arm"],
    }.items(),
)
def test_cmake_says_what_is_wrong(words: str, options: list[str], tmp_path: Path) -> None:
    given = [f"-D{each}" for each in ("EDGESEG_LIBRARY=ON", "EDGESEG_WITH_TENSORRT=OFF", *options)]
    done = subprocess.run(["cmake", "-S", str(CPP), "-B", str(tmp_path), *given], capture_output=True, text=True)
    assert done.returncode != 0
    assert words in " ".join(done.stderr.split())


@pytest.mark.usefixtures("built")
def test_cmake_says_that_there_is_no_engine(tmp_path: Path) -> None:
    names = ("OPENVINO", "ONNXRUNTIME", "TENSORRT", "RUN")
    command = ["cmake", "-S", str(CPP), "-B", str(tmp_path), *(f"-DEDGESEG_WITH_{name}=OFF" for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "libedgeseg is built without an engine" in done.stderr


def test_it_shows_its_documented_abi_alone(library: Library) -> None:
    header = (CPP / "include/edgeseg.h").read_text()
    documented = set(re.findall(r"^EDGESEG_C_API .*?\b(edgeseg_\w+)\(", header, re.MULTILINE))
    assert len(documented) > 20
    lines = run("nm", "-DC", "--defined-only", library.path).splitlines()
    names = [line.split(maxsplit=2)[2] for line in lines]
    assert {name for name in names if "::" not in name} == documented
    headers = "".join(path.read_text() for path in (CPP / "include/edgeseg").glob("*.hpp"))
    for name in (name for name in names if "::" in name):
        found = re.fullmatch(r"(?:vtable for |typeinfo for |typeinfo name for )?edgeseg::([\w:~]+?)(\W.*)?", name)
        assert found, name
        assert re.search(rf"\b{found[1].split('::')[-1].removeprefix('~')}\b", headers), name


def test_headers_open_with_an_example() -> None:
    documented = ("bundle", "engine", "error", "golden", "segmenter", "spec")
    for name in ("edgeseg.h", *(f"edgeseg/{each}.hpp" for each in documented)):
        begin = (CPP / "include" / name).read_text().partition("\n#")[0]
        assert re.search(r"^(//| \*)     \S", begin, re.MULTILINE), name


def test_the_library_is_small(library: Library, tmp_path: Path) -> None:
    run("strip", "-o", tmp_path / "stripped.so", library.path)
    assert (tmp_path / "stripped.so").stat().st_size < 1_000_000
