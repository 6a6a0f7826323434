// Package peer is the ground under every HTTP client of the project: those of
// Elasticsearch, of the gateway's audit API and of Kibana. What a connection is
// trusted by, which way it takes, and how long to wait before the next try is
// decided here once.
//
//   - NewClient: TLS 1.2 or newer, the system's authorities or one of a file or
//     one that is pinned by its fingerprint, a client certificate, a proxy, and
//     no redirect is ever followed, because it leads to a login page or to
//     another host and neither may see a credential.
//   - RetryAfter, Backoff and Sleep: when to try again.
//   - ErrUnreachable: what every client's errors are when no answer came.
//
// It is not a client: it knows no API, signs nothing and tries nothing again.
// It starts no goroutine but those of net/http, which CloseIdleConnections of
// the client ends. No error of it holds a URL or a credential.
package peer
