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

	"github.com/auditship/auditship/agent/event"
)

// Serve answers /livez, /readyz and /metrics on the listener until ctx ends.
//
//	/livez   200 while the process runs
//	/readyz  200 if nothing waits, every input was read to its end within its
//	         interval and none owes anything, otherwise 503; both with a Readiness
//	         as JSON
func Serve(ctx context.Context, listener net.Listener, conditions *Conditions, inputs *Inputs, metrics *Metrics) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "ok") // the client may be gone
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { ready(w, conditions, inputs) })
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

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready bool `json:"ready"`
	// Status is ready; degraded, where the agent works and an input owes
	// something; or waiting, where something keeps it from working.
	Status  string      `json:"status"`
	Waiting []Condition `json:"waiting"`
	// Owed is what the inputs owe, maxShown at most, and More how much is left out.
	Owed []event.Debt `json:"owed"`
	More int          `json:"more,omitempty"`
}

// maxShown bounds an answer.
const maxShown = 100

func ready(w http.ResponseWriter, conditions *Conditions, inputs *Inputs) {
	r := Readiness{Status: "ready", Waiting: conditions.List(), Owed: inputs.Owed()}
	if len(r.Owed) > maxShown {
		r.Owed, r.More = r.Owed[:maxShown], len(r.Owed)-maxShown
	}
	switch {
	case len(r.Waiting) > 0:
		r.Status = "waiting"
	case len(r.Owed) > 0:
		r.Status = "degraded"
	}
	r.Ready = r.Status == "ready"
	w.Header().Set("Content-Type", "application/json")
	if !r.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(r) // the client may be gone
}
