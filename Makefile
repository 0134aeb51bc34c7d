# The same commands as `python3 dev.py`, for those whose fingers type make.
PYTHON ?= python3

.PHONY: setup up test test-real lint types format generate docs screenshots lock pin sbom
setup up test test-real lint types format generate docs screenshots lock pin sbom:
	$(PYTHON) dev.py $@ $(ARGS)
