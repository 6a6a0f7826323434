package report

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/auditship/auditship/exporter"
)

// ErrNoStream: there is no data stream of that name, so nothing was ever
// indexed under the namespace.
var ErrNoStream = errors.New("there is no such data stream")

// ErrUnreachable: Elasticsearch did not answer, or was too busy for too long.
var ErrUnreachable = errors.New("elasticsearch cannot be reached")

// errNotElasticsearch is an answer of something else, a proxy's page perhaps.
var errNotElasticsearch = errors.New("the answer is not what Elasticsearch sends: check the address")

// maxTries without progress: with the default backoff about two minutes, in
// which a node restarts.
const maxTries = 16

// defaultBackoff doubles from a quarter of a second up to ten seconds.
func defaultBackoff(try int) time.Duration {
	return min(250*time.Millisecond<<min(try-1, 10), 10*time.Second)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isStatus(err error, status int) bool {
	var e *exporter.Error
	return errors.As(err, &e) && e.Status == status
}

// worthRetrying says that the same request may succeed later.
func worthRetrying(err error) bool {
	var e *exporter.Error
	if errors.As(err, &e) {
		return e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= 500
	}
	return isNetwork(err)
}

// isRefusal says that Elasticsearch does not know the credentials or their
// rights. It says so too while it starts and has its users and roles not read
// yet, so to somebody whom it has answered before it may be for the moment.
func isRefusal(err error) bool {
	return isStatus(err, http.StatusUnauthorized) || isStatus(err, http.StatusForbidden)
}

// isNetwork says that err is about the way to Elasticsearch, as opposed to its
// answer, to the credentials' file and to a certificate that is not trusted.
func isNetwork(err error) bool {
	var answer *exporter.Error
	var file *fs.PathError
	var certificate *tls.CertificateVerificationError
	return !errors.Is(err, errNotElasticsearch) && !errors.As(err, &answer) &&
		!errors.As(err, &file) && !errors.As(err, &certificate)
}

// explain says what an error of Elasticsearch means for a report.
func explain(err error, q Query) error {
	var e *exporter.Error
	switch {
	case isNetwork(err):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case !errors.As(err, &e):
		return err
	case errors.Is(err, errViewLost):
		return fmt.Errorf("again and again %w", err)
	case e.Status == http.StatusUnauthorized:
		return fmt.Errorf("elasticsearch does not accept the credentials: %w", err)
	case e.Status == http.StatusForbidden:
		return fmt.Errorf("the index privilege read on %s is missing (the role auditship_analyst has it): %w", q.Stream(), err)
	case e.Status == http.StatusNotFound:
		return fmt.Errorf("%w: %s (nothing was indexed there yet, or its namespace is another one)", ErrNoStream, q.Stream())
	case worthRetrying(err):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}
