# `make docs`: the documents as a site, build/docs/site/index.html, by mkdocs, which fails at a link that leads nowhere.
.PHONY: docs
docs: $(B)/docs/venv/bin/mkdocs
	$(call say,building the documents as a site)
	@rm -rf $(B)/docs/tree && mk/site-tree $(B)/docs/tree
	@PYTHONPATH=mk $< build --strict --config-file mk/mkdocs.yml >$(B)/docs/log 2>&1 || \
	  { grep -v '^INFO\|^  - ' $(B)/docs/log >&2; exit 1; }
	@echo "==> $(B)/docs/site/index.html"

$(B)/docs/venv/bin/mkdocs: | $(B)/.packages-docs
	$(call say,fetching mkdocs)
	@mkdir -p $(B)/docs && python3 -m venv $(B)/docs/venv
	@$(B)/docs/venv/bin/pip install -q mkdocs==1.6.1
