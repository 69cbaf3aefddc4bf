# Two commands: `make demo` and `make test`. Both create .venv and install what they need.
# Two processes for each core, because most tests wait for another process.
JOBS ?= $(shell echo $$(( 2 * $$(getconf _NPROCESSORS_ONLN) )))
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A sourced ROS must not take precedence over .venv.
RUN := env -u PYTHONPATH

.PHONY: demo docs ros test test-slow lint bench clean help

help:
	@echo "make demo    six simulated cameras become detections and one map; report in demo_report/"
	@echo "make test    format, lint, types, and all tests except the slow ones; PYTEST_ARGS=... selects tests"
	@echo "make test-slow  run the slow tests, which take minutes each"
	@echo "make docs    the documentation site in docs/_build/html, and its generated reference pages"
	@echo "make bench   quick benchmarks, with a summary; BENCH_ARGS=--all runs all benchmarks at full length"
	@echo "make clean   remove .venv and all build output"

$(VENV)/.base: setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "stream_infer_ros needs Python 3.10 or newer, $(PYTHON) is `$(PYTHON) --version`; use make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "cannot create a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "installing into $(VENV) (about 700 MB, once) ..."
	$(RUN) $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(RUN) $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.docs: $(VENV)/.base
	$(RUN) $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

# Without -E Sphinx would not notice changes in the code. The reference pages are kept in git; the test of docs/
# fails if they differ from the code.
docs: $(VENV)/.docs
	$(RUN) $(BIN)/python -m tools.reference_pages
	$(RUN) $(BIN)/python -m sphinx -q -E -n -W --keep-going docs docs/_build/html
	@echo "open docs/_build/html/index.html"

demo: $(VENV)/.base
	$(RUN) $(BIN)/stream_infer demo $(DEMO_ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(RUN) $(BIN)/lint-imports --no-cache
	$(RUN) $(BIN)/mypy
	@site=$$(echo $(VENV)/ros/kilted/lib/python3*/site-packages); \
	  if [ -d "$$site/rclpy" ]; then MYPYPATH="$$site" $(RUN) $(BIN)/mypy --config-file mypy_ros.ini; \
	  else echo "types of nodes/ and graph/ros were not checked: run make ros, which installs the rclpy they need"; fi

# Builds ROS 2 Jazzy and Kilted from wheels, for the tests that need rclpy. This is done once and takes half a minute.
ros: $(VENV)/.test
	@$(RUN) $(BIN)/python -m tools.ros_prefix jazzy kilted || echo "the tests that need this ROS will be skipped"

test: ros lint
	$(RUN) $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

test-slow: ros
	$(RUN) $(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

bench: $(VENV)/.test
	$(RUN) $(BIN)/python benchmarks/suite.py $(BENCH_ARGS)

clean:
	rm -rf $(VENV) build install log *.egg-info demo_report docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
