package health

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Guard keeps others than those meant from what is served. The zero value is for an
// address that only this host can reach.
type Guard struct {
	// Token, if set, gives what /metrics and the details of /readyz need as
	// "Authorization: Bearer TOKEN". It is asked for at each request.
	Token func() (string, error)
	// CertFile and KeyFile, if set, make it HTTPS. They are PEM files, read again
	// for each connection.
	CertFile, KeyFile string
}

// What one client may cost.
const (
	maxConnections = 64
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	idleTimeout    = 30 * time.Second
	writeTimeout   = 30 * time.Second
	maxHeader      = 16 << 10 // bytes
)

// serve answers on the listener until ctx ends.
func (g Guard) serve(ctx context.Context, listener net.Listener, handler http.Handler, write time.Duration) error {
	server := &http.Server{
		Handler:           knownHost(listener.Addr(), handler),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: write, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       log.New(io.Discard, "", 0), // others' mistakes, with text of theirs
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // Serve returns its error
	defer stop()
	address := listener.Addr()
	listener = &bounded{Listener: listener, places: make(chan struct{}, maxConnections), closed: ctx.Done()}
	if g.CertFile != "" {
		listener = tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: g.certificate})
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", address, err)
	}
	return nil
}

func (g Guard) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(g.CertFile, g.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of http_access: %w", err)
	}
	return &pair, nil
}

// lets reports whether a request may see everything.
func (g Guard) lets(r *http.Request) bool {
	if g.Token == nil {
		return true
	}
	token, err := g.Token()
	shown, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return err == nil && token != "" && bearer && subtle.ConstantTimeCompare([]byte(shown), []byte(token)) == 1
}

// only lets those in who may see everything.
func (g Guard) only(handler http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !g.lets(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "needs the token of http_access", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}
}

// knownHost refuses, where only this host can reach an address, requests that name
// another host: a web page whose name was made to lead here must not read anything.
func knownHost(addr net.Addr, handler http.Handler) http.Handler {
	if !IsLoopback(addr) {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isThisHost(r.Host) {
			http.Error(w, "this is the address of another host", http.StatusMisdirectedRequest)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

func isThisHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// IsLoopback reports whether only this host can reach an address that is listened on.
func IsLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// bounded is a listener with so many connections at once; further ones wait in the
// system's queue.
type bounded struct {
	net.Listener
	places chan struct{}
	closed <-chan struct{}
}

func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.places <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.places
		return nil, err
	}
	return &boundedConn{Conn: c, leave: b.places}, nil
}

// boundedConn gives its place back once.
type boundedConn struct {
	net.Conn
	leave chan struct{}
	left  atomic.Bool
}

func (c *boundedConn) Close() error {
	if c.left.CompareAndSwap(false, true) {
		<-c.leave
	}
	return c.Conn.Close()
}
