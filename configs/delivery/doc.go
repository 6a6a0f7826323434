// Package delivery holds no code, only tests of what is delivered: a release built
// twice, its packages installed, upgraded and removed, its image run, and the unit,
// compose file, Kubernetes manifests and alert rules held against those who read them.
// `make test-packages` runs them.
//
// It is a module of its own, so that what knows Kubernetes and packages stays out of the
// agent's go.mod. Beside the tests there is only certificates, a tool of the build.
//
// The tests need root and mounts: packages are installed into an overlay over this
// machine's root, of which nothing is left, and the service runs there under a systemd of
// its own, which systemd-nspawn boots. The image is run in a read-only chroot with its own
// mounts and processes, not by a container engine. They are meant to run in a mount
// namespace of their own, as the Makefile starts them.
package delivery
