# Every command sets up what it needs and is quick when nothing changed.
#
#   make demo    see it work: simulated lenses, the whole pipeline, a video and a picture in out/
#   make test    build, then run every test
#   make test-interop   build with Jazzy and Kilted wheels; processes of one hear the other's
#   make build   the environment and the colcon build alone
#   make lint    ruff, lint and format
#   make env     print the shell commands that enter the environment: eval "$(make -s env)"
#
# With a ROS distribution sourced, that one is used. Without, ROS 2 comes as wheels from PyPI:
# Jazzy, or the one that ROS_DISTRO names (jazzy, kilted). Each keeps its own folders.

SHELL := /bin/bash
PYTHON ?= python3

# Make splits words at spaces, so `clean` would remove other folders; CMake and rosidl fail with
# quotes and with letters beyond ASCII.
ifneq ($(shell LC_ALL=C; case "$$(pwd -P)" in (*[!A-Za-z0-9/._+@~-]*) echo odd;; esac),)
  $(error The path $(CURDIR) has characters that break a build: only ASCII letters, digits \
    and / . _ + @ ~ - are allowed. Move this folder to another path)
endif

# A sourced distribution is a prefix with rclpy that is not one of our own environments.
SOURCED := $(shell IFS=:; for p in $$AMENT_PREFIX_PATH; do \
  [ -d "$$p/share/rclpy" ] && [ ! -e "$$p/pyvenv.cfg" ] && echo yes && break; done)

ROS_DISTRO ?= jazzy
ifeq ($(SOURCED),yes)
  SUFFIX := -ros-$(ROS_DISTRO)
  # The distribution gives what package.xml lists; its NumPy is the one its extensions fit.
  BASE := $(if $(shell command -v colcon),,colcon)
  VENV_OPTIONS := --system-site-packages
  PIN = python -c 'import numpy; print("numpy==" + numpy.__version__)'
else
  SUFFIX := $(if $(filter-out jazzy,$(ROS_DISTRO)),-$(ROS_DISTRO))
  BASE := core ros-$(ROS_DISTRO)
  VENV_OPTIONS :=
  PIN = true
endif

VENV := $(CURDIR)/.venv$(SUFFIX)
BUILD := $(CURDIR)/build$(SUFFIX)
INSTALL := $(CURDIR)/install$(SUFFIX)
LOG := $(CURDIR)/log$(SUFFIX)
LOCK := flock $(VENV).lock
ENTER := source $(VENV)/bin/activate
ifneq ($(SOURCED),yes)
  ENTER += && export ROS_DISTRO=$(ROS_DISTRO) AMENT_PREFIX_PATH=$(VENV) CMAKE_PREFIX_PATH=$(VENV)
endif
RUN = $(ENTER) && source $(INSTALL)/setup.bash

SOURCES := $(shell find fer_fusion_ros msg launch config cmake tools -type f \
  -not -name '*.pyc' 2>/dev/null) CMakeLists.txt package.xml

# The environment knows the folder that it was made in, and works in no other.
MADE_AS := $(shell source $(VENV)/bin/activate 2>/dev/null && echo "$$VIRTUAL_ENV")

.PHONY: demo test test-interop build lint env clean moved
.DELETE_ON_ERROR:

demo: build
	$(RUN) && fer_fusion demo

test: build $(VENV)/.test
	$(RUN) && python -m pytest $(PYTEST_OPTIONS)

test-interop:
	$(MAKE) ROS_DISTRO=kilted build
	$(MAKE) ROS_DISTRO=jazzy test PYTEST_OPTIONS='test/test_interop.py $(PYTEST_OPTIONS)'

build: $(INSTALL)/.built

lint: $(VENV)/.test
	$(ENTER) && ruff check . && ruff format --check .

env: build
	@echo '$(RUN)'

clean:
	rm -rf $(BUILD) $(INSTALL) $(LOG)

# Environments: one stamp per set of requirements, all read from setup.py.
define install_extras
$(ENTER) && (python tools/project.py requirements $(1) && $(PIN)) > $@.txt \
  && $(LOCK) pip install --quiet --requirement $@.txt && touch $@
endef

$(VENV)/.created:
	$(LOCK) $(PYTHON) -m venv $(VENV_OPTIONS) $(VENV)
	$(LOCK) $(VENV)/bin/pip install --quiet 'pip>=24' 'setuptools<80'
	touch $@

ifneq ($(filter-out $(VENV),$(MADE_AS)),)
$(VENV)/.created: moved
endif

moved:
	@echo 'This folder has moved: $(VENV) and what was built with it are made anew.' >&2
	rm -rf $(VENV) $(BUILD) $(INSTALL)

$(VENV)/.run: setup.py tools/project.py $(VENV)/.created
	$(call install_extras,$(BASE) engine demo)

$(VENV)/.test: setup.py tools/project.py $(VENV)/.run
	$(call install_extras,$(BASE) engine demo train test lint)

$(INSTALL)/.built: $(VENV)/.run $(SOURCES)
	$(ENTER) && $(LOCK) colcon --log-base $(LOG) build --symlink-install \
	  --base-paths $(CURDIR) --build-base $(BUILD) --install-base $(INSTALL) \
	  --event-handlers console_direct- --cmake-args \
	  -DPython3_EXECUTABLE=$(VENV)/bin/python3 >&2 && touch $@
