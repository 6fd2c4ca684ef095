# The few commands of this project; each is a script of the same name in scripts/.

.DEFAULT_GOAL := help
.PHONY: help up down test test-servers soak bench console lint fmt chain clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## install what is missing, build, take this machine's roll and show it
	@scripts/up

down: ## stop what runs in the background
	@scripts/down

test: ## install and start what tests need, run every test
	@scripts/test

test-servers: ## build real SPIRE and Kubernetes API servers (minutes, once), run their tests
	@scripts/test-servers

soak: ## the long form of the tests
	@scripts/soak

bench: ## run the benchmarks, name the machine, print ratios
	@scripts/bench

console: ## build the console into web/dist
	@scripts/provide node
	@scripts/console

lint: ## formatting, clippy, dependencies
	@scripts/lint

fmt: ## format the sources
	@cargo fmt --all

chain: ## start the demo: a leaked password to find, revoke and prove dead
	@scripts/chain

clean: down ## remove what was built; your roll in .keyroll/ stays
	@cargo clean && rm -rf .make
