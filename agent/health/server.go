package health

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/auditship/auditship/agent/event"
)

// Serve answers /livez, /readyz and /metrics on the listener until ctx ends.
//
//	/livez   200 while the process runs
//	/readyz  200 if nothing waits, every input was read to its end within its
//	         interval and none owes anything, otherwise 503; both with a Readiness
//	         as JSON, without its details where the guard's token is not shown
//	/metrics needs the guard's token, if it has one
func Serve(ctx context.Context, listener net.Listener, guard Guard, conditions *Conditions, inputs *Inputs, metrics *Metrics) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "ok") // the client may be gone
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ready(w, conditions, inputs, guard.lets(r))
	})
	mux.Handle("GET /metrics", guard.only(promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{})))
	return guard.serve(ctx, listener, mux, writeTimeout)
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

func ready(w http.ResponseWriter, conditions *Conditions, inputs *Inputs, details bool) {
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
	if !details {
		r = Readiness{Ready: r.Ready, Status: r.Status}
	}
	w.Header().Set("Content-Type", "application/json")
	if !r.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(r) // the client may be gone
}
