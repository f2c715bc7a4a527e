# Everything a person or a machine does with this repository. `make help` lists it.

CARGO ?= cargo
export RUSTDOCFLAGS ?= -D warnings
# Stories mostly wait for processes and clocks: two for each processor take half the time of one.
export RUST_TEST_THREADS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))

.PHONY: help run try test kills screenshots check bench audit functions deploy gateway-image clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## Build Guildhall and start it on this machine
	$(CARGO) run --release --package standalone --bin guildhall -- serve

try: ## Talk to the bot in the terminal, without Discord
	$(CARGO) build --workspace --bins
	target/debug/pretend-discord

test: ## Build everything and run every test
	$(CARGO) test --workspace

kills: ## Kill what answers while people ask, ten times, each time otherwise; takes about half an hour
	@for time in 1 2 3 4 5 6 7 8 9 10; do \
	  STORY_SEED=$$time $(CARGO) test --workspace --test stories -- --nocapture gateway::deaths whatever_dies || exit 1; \
	  $(CARGO) test --workspace --test fleet-stories -- --nocapture losing joining away:: || exit 1; \
	done

screenshots: ## Walk through the pages in a browser, and take the pictures of README and guide anew
	$(CARGO) test --workspace --test stories browser::
	@set -e; for pair in first-steps-desktop:first-steps server-setup-desktop:server knowledge-list-desktop:knowledge \
	  playground-desktop:playground server-setup-phone:phone; do \
	  cp target/screenshots/$${pair%:*}.png docs/images/$${pair#*:}.png; done

check: ## Formatting, lints and documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) doc --workspace --no-deps --lib

bench: ## Measure speed, size and retrieval; takes some minutes, and an hour to build at first (docs/benchmarks.md)
	$(CARGO) build --release --workspace
	$(CARGO) build --profile worker --package gateway-worker
	$(CARGO) build --profile lambda --package functions --bins --example hello
	target/release/bench

audit: ## Licences and sources of what is linked in, where cargo-deny is installed
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is not installed: cargo install --locked cargo-deny"; exit 1; }
	cargo deny check bans licenses sources

# The processor of the functions: x86_64 or arm64, as the parameter of the template.
ARCHITECTURE ?= x86_64
# All six at once, with the flags of `sam build` in the folder where it builds: it asks for one after the other and finds them
# made. Each alone would be linked for minutes while the machine's other processors wait.
functions: ## Build the functions for AWS and lay them out for `sam deploy`
	@for tool in sam cargo-lambda; do command -v $$tool >/dev/null || { echo "$$tool is needed: docs/deploy.md, Prerequisites"; exit 1; }; done
	@zig version >/dev/null 2>&1 || python3 -m ziglang version >/dev/null 2>&1 || { echo "Zig is needed, as zig or as the Python package ziglang: docs/deploy.md, Prerequisites"; exit 1; }
	cd functions && $(CARGO) lambda build --release --bins $(if $(filter arm64,$(ARCHITECTURE)),--arm64)
	sam build --parameter-overrides Architecture=$(ARCHITECTURE)

deploy: functions ## Build the functions and put everything on AWS, asking for what it needs (docs/deploy.md)
	sam deploy --guided $(if $(filter arm64,$(ARCHITECTURE)),--parameter-overrides Architecture=arm64)

GATEWAY_REPOSITORY ?= guildhall-gateway
gateway-image: ## Build the gateway worker's image and push it to your registry on AWS
	@set -e; account=$$(aws sts get-caller-identity --query Account --output text); region=$${AWS_REGION:-$$(aws configure get region)}; \
	registry=$$account.dkr.ecr.$$region.amazonaws.com; image=$$registry/$(GATEWAY_REPOSITORY):$$(git rev-parse --short HEAD); \
	aws ecr describe-repositories --repository-names $(GATEWAY_REPOSITORY) >/dev/null 2>&1 || \
	  aws ecr create-repository --repository-name $(GATEWAY_REPOSITORY) --image-scanning-configuration scanOnPush=true >/dev/null; \
	aws ecr get-login-password | docker login --username AWS --password-stdin $$registry; \
	docker build --file infra/gateway.Dockerfile --tag $$image .; docker push $$image; \
	echo "GatewayImage: $$image"

clean: ## Delete what was built
	$(CARGO) clean
