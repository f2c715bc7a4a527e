# Everything a person or a machine does with this repository. `make help` lists it.

CARGO ?= cargo
export RUSTDOCFLAGS ?= -D warnings

.PHONY: help run try test check bench audit clean

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## Build Guildhall and start it on this machine
	$(CARGO) run --release --package standalone --bin guildhall -- serve

try: ## Talk to the bot in the terminal, without Discord
	$(CARGO) build --workspace --bins
	target/debug/pretend-discord

test: ## Build everything and run every test
	$(CARGO) test --workspace

check: ## Formatting, lints and documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) doc --workspace --no-deps --lib

bench: ## Measure speed, size and retrieval; takes some minutes (docs/benchmarks.md)
	$(CARGO) build --release --workspace
	$(CARGO) build --profile worker --package gateway-worker
	target/release/bench

audit: ## Licences and sources of what is linked in, where cargo-deny is installed
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is not installed: cargo install --locked cargo-deny"; exit 1; }
	cargo deny check bans licenses sources

clean: ## Delete what was built
	$(CARGO) clean
