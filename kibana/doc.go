// Package kibana holds what auditship shows in Kibana 8.12 to 9.x, a data view,
// saved searches and dashboards with the filters and columns of the gateway's
// audit page, the rules that watch the trail (rules/), and a client that imports them and finds out whether they are
// still as shipped.
//
// The objects lie one to a file under objects/, as Kibana stores them but with
// its JSON-in-a-string attributes written out. "go generate" packs them into
// api7-audit.ndjson, which is embedded and can be imported by hand. README.md
// tells what each object is for, how to export CSV, and who may do what.
//
// It is not a general client of Kibana, and nothing here is needed for
// shipping: every error of this package is to be shown as a warning by a caller
// that has records to ship.
//
// A Client starts no goroutine and is safe for concurrent use. An answer that
// is not a success is an *Error, an import that Kibana took only in part an
// *ImportError; anything else means that no answer came (see Unreachable). None
// carries a credential.
package kibana

//go:generate go test -run ^TestBundleIsFresh$ -update .
