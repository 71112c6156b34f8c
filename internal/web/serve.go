package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

var (
	//go:embed page/live.html
	liveHTML string
	//go:embed page/live.css
	liveCSS string
	// three.js and page/live.js in one, made by "make page".
	//go:embed bundle/live.js
	liveJS string
)

// handler serves the page, which holds style and script, and the stream.
func (p *Page) handler(ctx context.Context) http.Handler {
	page := strings.NewReplacer("/*STYLE*/", liveCSS, "/*SCRIPT*/", liveJS).Replace(liveHTML)
	policy := "default-src 'none'; style-src '" + hash(liveCSS) + "'; script-src '" + hash(liveJS) +
		"'; img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(page)) // a browser that went away misses nothing
	})
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) { p.serveLive(ctx, w, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, why := p.refuse(r); status != 0 {
			http.Error(w, why, status)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// hash names an inline style or script in the content security policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// refuse gives status and reason for a request that has no business here.
func (p *Page) refuse(r *http.Request) (status int, why string) {
	if p.token != "" {
		if subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("token")), []byte(p.token)) != 1 {
			return http.StatusForbidden, "this page needs the token that mhp printed with its address"
		}
		return 0, ""
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !loopback(strings.Trim(host, "[]")) {
		// A foreign name that resolves to this machine is how a site gets round the origin.
		return http.StatusForbidden, "this page is served to this machine only, under its own address"
	}
	return 0, ""
}

const (
	// ahead is how many messages may be under way to a viewer whose page has
	// not said that it drew them: one to draw while the next travels.
	ahead = 2
	// usualPatience is how long a viewer may stay silent with messages under way.
	usualPatience = 20 * time.Second
	// perWrite bounds one write to a viewer that does not read.
	perWrite = 10 * time.Second
)

// viewer is one browser. It is offered messages and takes the newest.
type viewer struct{ next chan []byte }

// offer replaces what waits. Only the encoder calls it.
func (v *viewer) offer(message []byte) {
	for {
		select {
		case v.next <- message:
			return
		default:
		}
		select {
		case <-v.next:
		default:
		}
	}
}

// serveLive sends messages until the viewer goes, does not answer, or the video ends.
func (p *Page) serveLive(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	// Accept refuses a browser's request whose Origin is not this server.
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	defer c.CloseNow()
	c.SetReadLimit(1024)
	v := &viewer{next: make(chan []byte, 1)}
	p.admit(v)
	defer p.leave(v)

	drawn, gone := make(chan struct{}, ahead), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			// It ends with the connection; a context would cut the farewell short.
			if _, _, err := c.Read(context.Background()); err != nil {
				return
			}
			select {
			case drawn <- struct{}{}:
			default: // more answers than messages: not our page; nothing to gain
			}
		}
	}()
	free := ahead
	for {
		// Without room only an answer helps, and it must come in time.
		var offered <-chan []byte
		var late <-chan time.Time
		if free > 0 {
			offered = v.next
		} else {
			late = time.After(p.patience)
		}
		select {
		case <-gone:
			return
		case <-ctx.Done():
			c.Close(websocket.StatusNormalClosure, "the video is over")
			return
		case <-late:
			c.Close(websocket.StatusPolicyViolation, "no answer")
			return
		case <-drawn:
			free = min(ahead, free+1)
		case message := <-offered:
			limited, done := context.WithTimeout(ctx, perWrite)
			err := c.Write(limited, websocket.MessageBinary, message)
			done()
			if err != nil {
				return
			}
			free--
		}
	}
}

func (p *Page) admit(v *viewer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.viewers[v] = true
}

func (p *Page) leave(v *viewer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.viewers, v)
}
