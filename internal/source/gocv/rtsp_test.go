//go:build !lite

package gocv

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mhp/internal/source"
)

// relay is an RTSP server (RFC 2326) of one stream over TCP: ffmpeg announces
// and records into it, readers describe and play, and packets go from the
// former to the latter as they are.
type relay struct {
	listener net.Listener
	mu       sync.Mutex
	sdp      string
	announce chan struct{}
	readers  map[net.Conn]bool
	conns    []net.Conn
}

func newRelay(t *testing.T, addr string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, announce: make(chan struct{}), readers: map[net.Conn]bool{}}
	t.Cleanup(r.stop)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, c)
			r.mu.Unlock()
			go r.serve(c)
		}
	}()
	return r
}

// stop ends the server as one does whose plug is pulled.
func (r *relay) stop() {
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
}

func (r *relay) url() string { return "rtsp://" + r.listener.Addr().String() + "/cam" }

func (r *relay) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		first, err := in.Peek(1)
		if err != nil {
			break
		}
		if first[0] == '$' {
			if err := r.pass(in); err != nil {
				break
			}
			continue
		}
		if err := r.answer(c, in); err != nil {
			break
		}
	}
	r.mu.Lock()
	delete(r.readers, c)
	r.mu.Unlock()
}

// pass hands an interleaved packet to all readers.
func (r *relay) pass(in *bufio.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return err
	}
	packet := make([]byte, 4+int(head[2])<<8+int(head[3]))
	copy(packet, head[:])
	if _, err := io.ReadFull(in, packet[4:]); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.readers {
		c.Write(packet)
	}
	return nil
}

func (r *relay) answer(c net.Conn, in *bufio.Reader) error {
	text := textproto.NewReader(in)
	line, err := text.ReadLine()
	if err != nil {
		return err
	}
	headers, err := text.ReadMIMEHeader()
	if err != nil {
		return err
	}
	body := make([]byte, 1<<16)
	n, _ := strconv.Atoi(headers.Get("Content-Length"))
	if _, err := io.ReadFull(in, body[:n]); err != nil {
		return err
	}
	extra, payload := "Session: 1\r\n", ""
	method, _, _ := strings.Cut(line, " ")
	switch method {
	case "OPTIONS":
		extra = "Public: DESCRIBE, SETUP, PLAY, ANNOUNCE, RECORD, TEARDOWN\r\n"
	case "ANNOUNCE":
		r.mu.Lock()
		r.sdp = string(body[:n])
		r.mu.Unlock()
		close(r.announce)
	case "DESCRIBE":
		r.mu.Lock()
		payload = r.sdp
		r.mu.Unlock()
		extra = "Content-Type: application/sdp\r\nContent-Base: " + r.url() + "/\r\n"
	case "SETUP":
		extra += "Transport: " + headers.Get("Transport") + "\r\n"
	}
	if _, err := fmt.Fprintf(c, "RTSP/1.0 200 OK\r\nCSeq: %s\r\n%sContent-Length: %d\r\n\r\n%s", headers.Get("CSeq"), extra, len(payload), payload); err != nil {
		return err
	}
	if method == "PLAY" {
		r.mu.Lock()
		r.readers[c] = true
		r.mu.Unlock()
	}
	return nil
}

// film feeds the relay with a test picture at 15 frames a second until the test ends.
func (r *relay) film(t *testing.T) {
	t.Helper()
	cmd := ffmpeg(t, "-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=15", "-c:v", "mpeg4", "-g", "5", "-f", "rtsp", "-rtsp_transport", "tcp", r.url())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	select {
	case <-r.announce:
	case <-time.After(20 * time.Second):
		t.Fatal("ffmpeg does not announce its stream")
	}
	time.Sleep(200 * time.Millisecond)
}

// A network camera, simulated: its frames come live, it is unplugged, and a
// source that reconnects goes on when it is back.
func TestRTSPCameraIsUnpluggedAndBack(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	first := newRelay(t, "127.0.0.1:0")
	first.film(t)
	address, url := first.listener.Addr().String(), first.url()
	v, err := OpenURL(url)
	if err != nil {
		t.Fatal(err)
	}
	if i := v.Info(); !i.Live || i.WidthPx != 160 || i.HeightPx != 120 {
		t.Errorf("info %+v", i)
	}
	broke := false
	live := source.Reconnecting(v, source.ReconnectOptions{
		Open: func() (source.Video, error) { return OpenURL(url) }, GiveUp: 40 * time.Second, First: 100 * time.Millisecond, Most: time.Second,
		Broke: func(error, time.Duration) {
			// The camera comes back when the break was seen.
			if !broke {
				broke = true
				newRelay(t, address).film(t)
			}
		},
	})
	defer live.Close()
	frames, end := take(t, live, 10)
	if end != nil {
		t.Fatalf("after %d frames: %v", len(frames), end)
	}
	first.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	last := frames[len(frames)-1]
	for after := 0; after < 10; {
		f, err := live.Next(ctx)
		if err != nil {
			t.Fatalf("after the break: %v", err)
		}
		if f.Index != last.Index+1 || f.Time <= last.Time {
			t.Fatalf("frame %d at %v comes after %d at %v", f.Index, f.Time, last.Index, last.Time)
		}
		if broke {
			after++
		}
		f.Release()
		last = f
	}
}

// A file on a web server is no live stream: it has an end.
func TestVideoOverHTTP(t *testing.T) {
	path := clip(t, "web.mp4")
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(path))))
	defer server.Close()
	v, err := OpenURL(server.URL + "/web.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	frames, end := take(t, v, 1000)
	if len(frames) != 60 || end != io.EOF || v.Info().Live {
		t.Errorf("%d frames, end %v, info %+v", len(frames), end, v.Info())
	}
	if _, err := OpenURL("http://user:secret@" + server.Listener.Addr().String() + "/gone.mp4"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a missing file: %v", err)
	}
}
