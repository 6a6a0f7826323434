package health

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"
)

// ServeProfiles answers /debug/pprof/ on the listener until ctx ends. Profiles hold
// names of functions, sizes and counts, and the command line: nothing of a record.
func ServeProfiles(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // and each profile by its name
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return Guard{}.serve(ctx, listener, mux, 0) // a profile takes as long as it is asked to
}
