# Everything a person or CI does here. `make help` lists it; the work is in tests/setup/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help setup screenshots demo offline check test lint pure docs coverage adversary fmt clean

##@ To see it
demo: ## Tell the whole story on a node of its own, then keep serving
	@tests/setup/setup.sh demo
	@cargo build --release --locked --workspace --bins
	@"$${CARGO_TARGET_DIR:-target}/release/countersign-demo"

screenshots: setup ## Take pictures of every page into target/screenshots, with much in it
	@cargo build --release --locked --workspace --bins
	@"$${CARGO_TARGET_DIR:-target}/release/countersign-screenshots"

##@ To carry away
offline: ## Build the offline signer: one static file without network code
	@tests/setup/setup.sh demo
	@tests/setup/offline_build.sh

##@ To work on it
setup: ## Install or build whatever this machine lacks (quick if nothing)
	@tests/setup/setup.sh check

test: setup ## Run every test, without coverage
	@tests/setup/offline_build.sh --quiet
	@cargo build --workspace --bins --locked --features countersign-tests/planted
	@cargo nextest run --workspace --locked --features countersign-tests/planted

fmt: ## Format the code
	@cargo fmt --all

clean: ## Remove what was built here (the cached bitcoind stays)
	@cargo clean

##@ To judge it
check: ## All that CI checks, with the time each part took
	@for part in setup lint pure coverage docs; do \
	    echo "== make $$part"; start=$$SECONDS; $(MAKE) $$part; \
	    echo "== make $$part: $$((SECONDS - start)) s"; \
	done

lint: ## Formatting and lints
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --locked -- -D warnings
	@cargo clippy --package countersign-tests --all-targets --features planted --locked -- -D warnings

pure: ## The pure half of each crate, and the signer without network code
	@for crate in policies watchtower coordinator signer; do \
	    cargo clippy --locked --package countersign-$$crate --no-default-features -- -D warnings; \
	done
	@cargo clippy --locked --package countersign-signer --no-default-features --features tool -- -D warnings
	@cargo clippy --locked --package countersign-signer --no-default-features --features camera -- -D warnings
	@cargo clippy --locked --package countersign-signer --no-default-features --features devices -- -D warnings
	@tests/setup/offline.sh

docs: ## The reference builds, and documents show only what is there
	@RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items --locked --quiet
	@tests/setup/docs.sh

coverage: ## Every test once, instrumented; 80 % of the lines at least
	@tests/setup/coverage.sh

adversary: setup ## The campaigns in full; ONLY=G1,G2 CASES=n SEED=n choose
	@tests/setup/adversary.sh "$(ONLY)" "$(CASES)" "$(SEED)"

help: ## This list
	@awk 'BEGIN { FS = ":.*## "; print "make TARGET, where TARGET is one of" } \
	    /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z]+:.*## / { printf "  %-11s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n%s\n' "CARGO_TARGET_DIR says where to build, BITCOIND_EXE which node to test with."
