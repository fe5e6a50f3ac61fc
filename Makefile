# The whole manual of the habits: `make run` tries it, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ORACLE := .venv-oracle
MEASURE := .venv-measure
EXTRAS := .venv-extras
# SlipCover puts its marks into the code and takes them out where they have been met: coverage.py takes twice as long.
COVERED := PYTHONWARNINGS="ignore:Unable to activate pytest:RuntimeWarning" $(BIN)/python -m slipcover --branch --source src/llmscale
SITE := .venv-site
SUPPLY := .venv-supply

.PHONY: run test test-extras site dist sbom audit links bench-web bench-tui lint fuzz mutants oracle probe activations layouts bench measure accuracy speed docs catalogue-new clean

run: $(VENV)/installed  ## create the environment, install the package alone, and run the first example
	$(BIN)/llmscale estimate 7B --quant int4
	@echo
	@echo 'Next: $(BIN)/llmscale fits rtx4060'

test: $(VENV)/ready  ## all tests, with the branch coverage of the core
	@mkdir -p build
	$(COVERED) --json --out build/coverage.json -m pytest -n 2 --dist loadfile
	$(COVERED) --skip-covered --merge build/coverage.json --out build/coverage.json --fail-under 95
	$(BIN)/python -m tests.branches build/coverage.json

test-extras: $(EXTRAS)/ready  ## what needs an extra: pictures in files, the screen, the web server, the tools
	$(EXTRAS)/bin/pytest tests/pictures tests/tui tests/web tests/mcp tests/sources/hub

bench-web: $(EXTRAS)/ready  ## the web server under load: latency at 200 requests a second, memory over 100,000
	$(EXTRAS)/bin/python -m benchmarks.web

bench-tui: $(EXTRAS)/ready  ## the screen in a terminal: how long each change takes over the whole catalogue
	$(EXTRAS)/bin/python -m benchmarks.tui

lint: $(VENV)/ready  ## style, types, the arrows between rooms, and whether the records and the generated docs are fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.oracle.stale
	$(BIN)/python docs/generate.py --check
	$(BIN)/python docs/links.py --check
	$(BIN)/python benchmarks/fit_speed.py --check
	$(BIN)/python -m benchmarks.accuracy --check

accuracy: $(VENV)/ready  ## every number against every measurement; writes docs/accuracy.md
	$(BIN)/python -m benchmarks.accuracy

speed: $(VENV)/ready  ## fit the factors of speeds to the published ones; writes data/speed.yaml
	$(BIN)/python benchmarks/fit_speed.py

bench: $(VENV)/ready  ## whole processes against a ten-line Typer + Rich program
	$(BIN)/python -m benchmarks.start

catalogue-new: $(VENV)/ready  ## models of a recorded list that are missing, and drafts of those whose shape is known; ARGS="--since 2026-08"
	$(BIN)/python -m catalogue.new $(ARGS)

docs: $(VENV)/ready  ## the command reference, the JSON Schema, and in share/ the man page and the completion of shells
	$(BIN)/python docs/generate.py

site: $(SITE)/ready  ## the documentation as a site in build/site, every link checked; no warning is let through
	$(SITE)/bin/python docs/website.py build

links: $(VENV)/ready  ## whether the pages outside that the documentation links to are there; writes docs/links.json
	$(BIN)/python docs/links.py

dist: $(SUPPLY)/ready  ## the source archive, and the wheel that is made of it, in dist/
	rm -rf dist
	$(SUPPLY)/bin/pyproject-build

sbom: dist  ## what an installation of the wheel holds: build/llmscale.cdx.json (CycloneDX)
	$(SUPPLY)/bin/python -m venv --without-pip --clear build/plain
	$(SUPPLY)/bin/python -m pip --python build/plain/bin/python install --quiet --disable-pip-version-check dist/*.whl
	$(SUPPLY)/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml -o build/llmscale.cdx.json build/plain/bin/python

audit: $(SUPPLY)/ready  ## known weaknesses of what the package and its extras bring; a package that nobody could be asked about fails it
	$(SUPPLY)/bin/python -m venv --without-pip --clear build/whole
	$(SUPPLY)/bin/python -m pip --python build/whole/bin/python install --quiet --disable-pip-version-check -e '.[nvidia,hub,plot,tui,web,mcp]'
	$(SUPPLY)/bin/python -m pip --python build/whole/bin/python freeze --exclude-editable > build/whole.txt
	$(SUPPLY)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement build/whole.txt

oracle: $(ORACLE)/ready  ## every tensor against the real classes of transformers; MODEL_TYPES="llama gpt2" renews their rows alone
	$(ORACLE)/bin/python -m tests.oracle.keys
	$(ORACLE)/bin/python -m tests.oracle $(MODEL_TYPES)
	$(ORACLE)/bin/python -m tests.oracle.changes $(MODEL_TYPES)

probe: $(ORACLE)/ready  ## derive model types from the classes of transformers: MODEL_TYPES="segformer xglm", EACH=300 seconds a class
	$(ORACLE)/bin/python -m tests.oracle.probe $(if $(EACH),--seconds $(EACH)) $(MODEL_TYPES)
	$(ORACLE)/bin/python -m tests.oracle.keys

activations: $(ORACLE)/ready  ## what classes of transformers have alive in generate; MODEL_TYPES as above
	$(ORACLE)/bin/python -m tests.oracle.activations $(MODEL_TYPES)

layouts: $(ORACLE)/ready  ## what quantising libraries store of a layer; FORMATS="nf4 torchao" asks for some
	$(ORACLE)/bin/python -m tests.oracle.layouts $(FORMATS)

fuzz: $(VENV)/ready  ## damaged files of every format that is read, for MINUTES=10
	$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),10)

mutants: $(VENV)/ready  ## small changes of the source that no test sees; ROOMS="fit answers" COUNT=60 SEED=1, AGAIN=1 for the survivors
	nice -n 19 $(BIN)/python -m tests.mutants $(ROOMS) $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(AGAIN),--again)

measure:  ## memory of models on this machine's GPU, into tests/truth; without one says so, installs nothing, and is no error
	@if nvidia-smi -L >/dev/null 2>&1; then $(MAKE) --no-print-directory $(MEASURE)/ready && $(MEASURE)/bin/python -m benchmarks.measure; \
	else echo "no CUDA device: nothing was measured"; fi

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	$(BIN)/python -m compileall -q src  # as pip does it for what is not editable
	touch $@

$(VENV)/ready: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

$(ORACLE)/ready: pyproject.toml
	$(PYTHON) -m venv $(ORACLE)
	$(ORACLE)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[oracle]'
	touch $@

$(EXTRAS)/ready: pyproject.toml
	$(PYTHON) -m venv $(EXTRAS)
	$(EXTRAS)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[plot,tui,web,mcp,hub,test-extras]'
	touch $@

$(SITE)/ready: pyproject.toml
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[site]'
	touch $@

$(SUPPLY)/ready: pyproject.toml
	$(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[supply]'
	touch $@

$(MEASURE)/ready: pyproject.toml
	$(PYTHON) -m venv $(MEASURE)
	$(MEASURE)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[measure]'
	touch $@

clean:  ## forget everything that was made here
	rm -rf $(VENV) $(ORACLE) $(MEASURE) $(EXTRAS) $(SITE) $(SUPPLY) dist build src/llmscale/_data .coverage
