// Package configs holds no code, only what the agent is configured and delivered
// with, and the tests that hold these files against the code:
//
//	auditship.yml, masking.yml   the shipped configuration and an example of rules
//	systemd/                     the service
//	packages/                    deb and rpm
//	container/                   image and compose file
//	kubernetes/                  manifests
//	prometheus/                  alert rules
//
// Tests with the build tag packages install and run what `make packages` and `make
// image` built. They need root and Debian's tools; `make test-packages` brings both
// together.
package configs
