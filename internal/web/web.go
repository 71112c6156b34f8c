// Package web shows a video's people live in browsers: the picture with the
// skeletons beside a view in 3D that one can turn.
//
//	Write --newest frame--> encoder --message--> viewer 1 --WebSocket--> browser
//	                                       \---> viewer 2 ...
//
// Nobody waits for a viewer: Write hands over a copy and returns, the encoder
// gives each viewer the newest message, and a viewer is sent the next one when
// its page has drawn the last. A viewer that never reads costs one message and
// is dropped after a while. Without viewers nothing is encoded.
//
// Only pages that this server sent may listen: another site's page in the same
// browser is refused by its origin, another name for this machine by its Host.
package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"

	"mhp/internal/frame"
	"mhp/internal/pose"
)

// DefaultAddr is where the page is served unless told otherwise.
const DefaultAddr = "127.0.0.1:8090"

// Options say where and how the page is served.
type Options struct {
	// Addr is host:port; port 0 takes a free one. Empty means DefaultAddr.
	Addr string
	// AllowRemote permits addresses beyond this machine. Then, and only then,
	// the page's address carries a token that nobody can guess.
	AllowRemote bool
	// SureScore is the score from which a joint is drawn at full strength.
	SureScore float64
	// Delay is the newest delay from capture to result; nil if it is not measured.
	// It is called from another goroutine.
	Delay func() time.Duration
	// JPEG compresses a frame; nil takes Go's own encoder, which is slower.
	JPEG func(f *frame.Frame) ([]byte, error)
}

// Error is a page that cannot be served.
type Error struct {
	Addr string
	Err  error
	hint string
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot serve the live page at %s: %v", e.Addr, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.hint }

// Page is a running server that takes results as a sink does.
type Page struct {
	options Options
	token   string // "" for a page that only this machine sees
	listen  net.Listener
	server  *http.Server
	stop    context.CancelFunc // ends viewers and encoder
	done    sync.WaitGroup

	patience time.Duration

	mu      sync.Mutex
	newest  *shot   // waits for the encoder; nil if there is none
	spare   []uint8 // pixels that the encoder is done with
	wake    chan struct{}
	viewers map[*viewer]bool
}

// Open starts to serve. The page shows nothing until the first Write.
func Open(o Options) (*Page, error) {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, &Error{o.Addr, err, "give host:port, such as " + DefaultAddr}
	}
	if !o.AllowRemote && !loopback(host) {
		return nil, &Error{o.Addr, errors.New("that address can be reached from other machines"),
			"--web-allow-remote permits it; the page's address then carries a token"}
	}
	listen, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, &Error{o.Addr, cause(err), hintOf(err)}
	}
	p := &Page{options: o, listen: listen, wake: make(chan struct{}, 1), viewers: map[*viewer]bool{}, patience: usualPatience}
	if o.AllowRemote {
		p.token = newToken()
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.server = &http.Server{Handler: p.handler(ctx), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 16}
	p.done.Go(func() { _ = p.server.Serve(listen) }) // ends with Close, which is no failure
	p.done.Go(func() { p.encode(ctx) })
	return p, nil
}

// loopback tells whether a host stands for this machine alone.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func hintOf(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program uses that port: choose another, or port 0 for any free one"
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 need special rights: choose a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address"
	}
	return ""
}

func newToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// URL is where the page is, with its token if it needs one.
func (p *Page) URL() string {
	addr := p.listen.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, fmt.Sprint(addr.Port)), Path: "/"}
	if p.token != "" {
		u.RawQuery = "token=" + p.token
	}
	return u.String()
}

// WantsPixels says that the page shows the picture itself.
func (p *Page) WantsPixels() bool { return true }

// Write shows a result to whoever looks. It never waits for anybody.
func (p *Page) Write(ctx context.Context, f *frame.Frame, picture *pose.Picture) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.viewers) == 0 {
		return nil
	}
	pixels := p.spare
	p.spare = nil
	if p.newest != nil {
		pixels = p.newest.frame.Pix // the encoder was too slow for this one
	}
	p.newest = newShot(f, picture, pixels)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// Close ends the page. Viewers are told that the video is over.
func (p *Page) Close() error {
	p.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if err != nil {
		err = p.server.Close()
	}
	p.done.Wait()
	return err
}

// shot is a copy of a result: frames go back to their source, and what comes
// after a sink may change the people.
type shot struct {
	frame   frame.Frame
	picture pose.Picture
}

func newShot(f *frame.Frame, p *pose.Picture, pixels []uint8) *shot {
	s := &shot{picture: p.Clone()}
	if f != nil {
		s.frame = f.CloneInto(pixels)
	}
	return s
}

// encode turns the newest result into a message, again and again.
func (p *Page) encode(ctx context.Context) {
	rate := newRate()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		s := p.newest
		p.newest = nil
		p.mu.Unlock()
		if s == nil {
			continue
		}
		message := p.message(s, rate.tick(time.Now()))
		p.mu.Lock()
		p.spare = s.frame.Pix
		for v := range p.viewers {
			v.offer(message)
		}
		p.mu.Unlock()
	}
}
