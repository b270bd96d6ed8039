# make demo: create a virtual environment, train two small models, draw the comparison figure.
# make test: lint, format and the whole test suite.
# make slow: the tests that take minutes each.
# make bench: measure the project against its alternatives; BENCH=... passes flags.
# make gpu: measure the project on a GPU; GPU=... passes flags.
# make robustness: how often the defaults succeed, over seeds; ROBUSTNESS=... passes flags.
# make results: every model on MNIST at equal wall time, in one table; RESULTS=... passes flags.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS := -n 3 --dist=loadfile --no-loadscope-reorder

.PHONY: demo test slow bench gpu robustness results clean

demo: $(VENV)/installed
	@echo 'Training the VAE on digits (about a minute).'
	$(BIN)/python train.py --model=vae --dataset=digits --epochs=20
	@echo 'Training the GAN on digits (about four minutes).'
	$(BIN)/python train.py --model=gan --dataset=digits --epochs=16
	@echo 'Drawing the figure: target, VAE and GAN by epoch.'
	$(BIN)/python compare.py --runs=outputs/vae-digits,outputs/gan-digits
	@echo 'Counting the classes that the GAN draws.'
	$(BIN)/python evaluate.py --runs=outputs/gan-digits --metrics=coverage --num_samples=1000 --least_classes=8

test: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest $(WORKERS)

slow: $(VENV)/installed-dev
	$(BIN)/python -m pytest $(WORKERS) -m slow

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks.throughput $(BENCH)

gpu: $(VENV)/installed
	$(BIN)/python -m benchmarks.gpu $(GPU)

robustness: $(VENV)/installed
	$(BIN)/python -m benchmarks.robustness $(ROBUSTNESS)

results: $(VENV)/installed
	$(BIN)/python -m benchmarks.equal_time --dataset=mnist $(RESULTS)

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	sys.exit(None if (3, 11) <= v <= (3, 13) else "Python %d.%d: not supported; use 3.11, 3.12 \
	or 3.13, for example with make PYTHON=python3.12" % v)'
	@echo 'Creating the virtual environment $(VENV).'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	@echo 'Installing the requirements (about 2.5 GB on disk; this takes a few minutes).'
	$(BIN)/pip install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	@touch $@
