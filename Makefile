# What a person does in this checkout. Each target makes what it needs first; the work is done by tools/.

.PHONY: help demo demo-image demo-down test lint sanity unit real scenarios shapes odd faults load offboard protos readmes docs bench-onboarding bench-hub bench-signer image image-test image-boot

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a provider, two tenants and the world on regtest, from nothing to payments (as root, on Debian 12 or 13)
	@tools/demo up

demo-image: ## the same, and a third tenant whose signer is a machine of the image, under QEMU
	@tools/demo image

demo-down: ## remove the demo
	@tools/demo down

test: ## everything below up to image-test, side by side
	@tools/test scenarios + real + lint sanity unit image

lint: ## ruff, mypy, yamllint, ansible-lint, changelog, READMEs, shellcheck, protos, Galaxy's importer
	@tools/test lint

sanity: ## ansible-test sanity
	@tools/test sanity

unit: ## unit tests
	@tools/test unit

real: ## modules and services against real daemons, the pages in a browser, and each kind of fault of a hub once
	@tools/test real

scenarios: ## molecule: topologies with real daemons, from machines to two tenants on board, and what must be refused
	@tools/test scenarios

image: ## the image from which tenants start their signers: raw disk, qcow2, container
	@tools/signer-image build

image-test: ## that image, and machines and a container of it, from the first login to the bundle
	@tools/test image

image-boot: image ## its disk under QEMU with a TPM: power cuts, a copied disk, a cloud that is stood in for; minutes under emulation
	@tools/signer-image boot

faults: ## the hub while everything around it fails, at full length; slow, so not part of test
	@tools/test faults

offboard: ## molecule: a tenant leaves, interrupted again and again, and its databases are dropped; slow, so not part of test
	@tools/test offboard

shapes: ## molecule: tenants with nodes of their own, with signers of the image, and with a renewed one; slow, so not part of test
	@tools/test shapes

odd: ## molecule: the archive on an odd site, Debian 12, with the oldest ansible-core and the newest; slow, so not part of test
	@tools/test odd

load: ## users against users: one who holds 600 payments and what the others feel; 200 readers and 20 buyers of an article; slow, so not part of test
	@tools/test load

protos: ## generate the descriptors from protos/
	@tools/run tools/protos generate

readmes: ## generate the READMEs of the roles from their argument specs
	@tools/run tools/readmes generate

docs: ## guides and module reference as one static site in docs/_build
	@tools/run tools/docs

bench-onboarding: ## what onboarding costs, beside a plain script
	@tools/run python3 -m bench.onboarding.run

bench-hub: ## what a hub can do, beside lnd called directly
	@tools/run python3 -m bench.hub.run

bench-signer: ## what a remote signer costs, beside a node with its own keys, by the distance to it
	@tools/run python3 -m bench.signer.run
