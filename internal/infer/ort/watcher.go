package ort

import (
	"context"

	binding "github.com/yalue/onnxruntime_go"
)

// watcher tells the library to stop when a run's context ends. It is one
// goroutine for all runs of a runner, since one for each would allocate.
//
//	Run:      begin --> library runs ------------> end
//	            |                                   |   ^
//	watcher:   done? or end? --done--> Terminate --end--+ stopped
type watcher struct {
	done    chan (<-chan struct{})
	ended   chan struct{}
	stopped chan bool
}

func (w *watcher) start(run *binding.RunOptions) {
	w.done = make(chan (<-chan struct{}))
	w.ended = make(chan struct{})
	w.stopped = make(chan bool)
	go w.watch(run)
}

func (w *watcher) watch(run *binding.RunOptions) {
	for done := range w.done {
		stopped := false
		select {
		case <-w.ended:
		case <-done:
			// Terminate fails only on options that were destroyed, which happens after stop.
			stopped = run.Terminate() == nil
			<-w.ended
		}
		w.stopped <- stopped
	}
}

// begin watches ctx until end; false if ctx can never end.
func (w *watcher) begin(ctx context.Context) bool {
	done := ctx.Done()
	if done == nil {
		return false
	}
	w.done <- done
	return true
}

// end is called when the library has returned; it tells whether it was asked to stop.
func (w *watcher) end() bool {
	w.ended <- struct{}{}
	return <-w.stopped
}

// stop ends the goroutine.
func (w *watcher) stop() { close(w.done) }
