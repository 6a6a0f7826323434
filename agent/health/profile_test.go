package health

import (
	"context"
	"net"
	"strings"
	"testing"
)

func TestProfilesHaveAnAddressOfTheirOwn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ServeProfiles(ctx, listener) }()
	url := "http://" + listener.Addr().String()

	for path, want := range map[string]string{
		"/debug/pprof/": "goroutine", "/debug/pprof/heap?debug=1": "heap profile", "/debug/pprof/symbol": "num_symbols",
	} {
		if status, body := get(t, url+path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.100s", path, status, body)
		}
	}
	if status, _ := get(t, url+"/metrics"); status != 404 {
		t.Errorf("metrics on the address of the profiles: %d", status)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1": true, "::1": true, "0.0.0.0": false, "10.1.2.3": false} {
		if IsLoopback(&net.TCPAddr{IP: net.ParseIP(address)}) != want {
			t.Errorf("%s: not %v", address, want)
		}
	}
}
