package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Serve answers /livez, /readyz and /metrics on the listener until ctx ends.
//
//	/livez   200 while the process runs
//	/readyz  200 if nothing waits, otherwise 503; both with the conditions as JSON
func Serve(ctx context.Context, listener net.Listener, conditions *Conditions, metrics *Metrics) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "ok") // the client may be gone
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { ready(w, conditions) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{}))
	return serve(ctx, listener, mux)
}

// serve answers on the listener until ctx ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // Serve returns its error
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return nil
}

func ready(w http.ResponseWriter, conditions *Conditions) {
	list := conditions.List()
	w.Header().Set("Content-Type", "application/json")
	if len(list) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone
		Ready   bool        `json:"ready"`
		Waiting []Condition `json:"waiting"`
	}{len(list) == 0, list})
}
