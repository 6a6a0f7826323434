// Package estest lends nodes of package esnode to tests.
//
// Shared is the node for almost every test: one per run of the tests when the
// environment names it (esnode.Node.Environ), else one per test process,
// started by the first test that asks. Tests keep out of each other's way by
// writing to data streams of their own Namespace. Private is for tests that
// stop, kill, pause or configure the node.
//
// A package whose tests use Shared stops its node with
//
//	func TestMain(m *testing.M) { estest.Main(m) }
//
// or, with goleak, goleak.VerifyTestMain(estest.Wrap(m)). Without either the
// node dies with the test process, which only Linux guarantees, and leaves its
// folder in the temporary directory.
//
// Under go test -short no node is started: tests that ask for one are left out,
// and say so. Otherwise no failure is hidden: what cannot be started fails the
// test with the reason.
package estest
