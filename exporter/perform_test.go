package exporter

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/peer"
)

// answering starts a server and a client for it.
func answering(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		h(w, r)
	}))
	t.Cleanup(server.Close)
	return clientOf(t, server.URL)
}

func clientOf(t *testing.T, url string) *Client {
	t.Helper()
	c, err := New(Config{Addresses: []string{url}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPerformGivesEveryAnswerAsItIs(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "abc" || r.ContentLength != 3 || r.Header.Get("Content-Encoding") != "x" {
			t.Errorf("the server read %q of length %d, encoding %q", body, r.ContentLength, r.Header.Get("Content-Encoding"))
		}
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"type":"es_rejected_execution_exception"}}`)
	})
	a, err := c.Perform(t.Context(), Request{Method: "POST", Path: "/x", Body: []byte("abc"), Encoding: "x"}, make([]byte, 5, 100))
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != 429 || a.RetryAfter != 7*time.Second || !a.BodyFree {
		t.Errorf("got status %d, Retry-After %v, body free %v", a.Status, a.RetryAfter, a.BodyFree)
	}
	var e *Error
	if !errors.As(a.Err(), &e) || e.Type != "es_rejected_execution_exception" {
		t.Errorf("the answer as an error is %v", a.Err())
	}
}

func TestNotSentTellsARefusedConnectionFromALostAnswer(t *testing.T) {
	refused := httptest.NewServer(http.NotFoundHandler())
	refused.Close()
	_, err := clientOf(t, refused.URL).Perform(t.Context(), Request{Method: "POST", Path: "/x", Body: []byte("a")}, nil)
	if err == nil || !NotSent(err) || !errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("nobody listens: error %v, not sent: %v", err, NotSent(err))
	}

	tests := map[string]http.HandlerFunc{
		"the connection breaks before the answer": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
		"the connection breaks within the answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "short")
			panic(http.ErrAbortHandler)
		},
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, h).Perform(t.Context(), Request{Method: "POST", Path: "/x", Body: []byte("a")}, nil)
			if err == nil || NotSent(err) || !errors.Is(err, peer.ErrUnreachable) {
				t.Errorf("error %v, not sent: %v", err, NotSent(err))
			}
		})
	}
}
