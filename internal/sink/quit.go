package sink

import "errors"

// ErrQuit says that the person who looks at the results has seen enough, as
// with q in a window. It is no failure: the run ends as at the source's end.
var ErrQuit = errors.New("the viewer asked to end")
