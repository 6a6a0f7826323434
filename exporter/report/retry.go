package report

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

// ErrNoStream: there is no data stream of that name, so nothing was ever
// indexed under the namespace.
var ErrNoStream = errors.New("there is no such data stream")

// errNotElasticsearch is an answer of something else, a proxy's page perhaps.
var errNotElasticsearch = errors.New("the answer is not what Elasticsearch sends: check the address")

// maxTries without progress: with the default backoff about two minutes, in
// which a node restarts.
const maxTries = 20

var defaultBackoff = peer.Backoff{Min: 250 * time.Millisecond, Max: 10 * time.Second, AskedMax: time.Minute}

func isStatus(err error, status int) bool {
	var e *exporter.Error
	return errors.As(err, &e) && e.Status == status
}

// worthRetrying says that the same request may succeed later.
func worthRetrying(err error) bool {
	return errors.Is(err, peer.ErrUnreachable) && !peer.Untrusted(err)
}

// isRefusal says that Elasticsearch does not know the credentials or their
// rights. It says so too while it starts and has its users and roles not read
// yet, so to somebody whom it has answered before it may be for the moment.
func isRefusal(err error) bool {
	return isStatus(err, http.StatusUnauthorized) || isStatus(err, http.StatusForbidden)
}

// explain says what an error of Elasticsearch means for a report.
func explain(err error, q Query) error {
	var e *exporter.Error
	switch {
	case errors.Is(err, errViewLost):
		return fmt.Errorf("again and again %w", err)
	case worthRetrying(err):
		return fmt.Errorf("elasticsearch cannot be reached: %w", err)
	case !errors.As(err, &e):
		return err
	case e.Status == http.StatusUnauthorized:
		return fmt.Errorf("elasticsearch does not accept the credentials: %w", err)
	case e.Status == http.StatusForbidden:
		return fmt.Errorf("the index privilege read on %s is missing (the role auditship_analyst has it): %w", q.Stream(), err)
	case e.Status == http.StatusNotFound:
		return fmt.Errorf("%w: %s (nothing was indexed there yet, or its namespace is another one)", ErrNoStream, q.Stream())
	}
	return err
}
