// Package configs holds no code, only what the agent is configured and delivered
// with, and the tests that hold these files against the code:
//
//	auditship.yml, masking.yml   the shipped configuration and an example of rules
//	systemd/                     the service
//	packages/                    deb and rpm
//	container/                   the image
//	compose/                     everything at once, to look at
//	kubernetes/                  manifests
//	prometheus/                  alert rules
//	delivery/                    tests of a whole release, a module of its own
//
// The tests here need no more than Go; `make test-packages` runs those in delivery.
package configs
