package detect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// checkJSON asks for one JSON list or object without a key given twice, which
// the standard decoder would settle silently for the last.
func checkJSON(data []byte) *FileError {
	if len(data) == 0 {
		return &FileError{Problem: "holds nothing", Remedy: cocoForm}
	}
	if data[0] != '[' && data[0] != '{' {
		return &FileError{Problem: "is not JSON, or no list or object", Remedy: cocoForm}
	}
	if err := json.Unmarshal(data, new(syntaxOnly)); err != nil {
		return inWords(err, data)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a number too large for a float is met where it is used
	if err := walk(d, 0); err != nil {
		return inWords(err, data)
	}
	return nil
}

// syntaxOnly takes any JSON: the decoder checks the syntax before it asks.
type syntaxOnly struct{}

// UnmarshalJSON keeps nothing.
func (*syntaxOnly) UnmarshalJSON([]byte) error { return nil }

// maxDepth is deeper than any file of boxes.
const maxDepth = 100

// walk reads one value.
func walk(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return &FileError{Problem: fmt.Sprintf("is nested more than %d deep", maxDepth), Remedy: cocoForm}
	}
	switch token {
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := walk(d, depth+1); err != nil {
				return within(fmt.Sprintf("[%d]", i), err)
			}
		}
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name := key.(string)
			if seen[name] {
				return &FileError{Problem: fmt.Sprintf("gives %q twice", name), Remedy: "keep one of them"}
			}
			seen[name] = true
			if err := walk(d, depth+1); err != nil {
				return within(name, err)
			}
		}
	default:
		return nil // a plain value
	}
	_, err = d.Token() // the closing bracket
	return err
}

// within puts the outer part of a place before the inner one.
func within(outer string, err error) error {
	if e, ok := err.(*FileError); ok {
		if e.Where != "" && e.Where[0] != '[' {
			outer += "."
		}
		e.Where = outer + e.Where
	}
	return err
}

// notANumber are words that other writers put where JSON has none.
var notANumber = regexp.MustCompile(`(?i)nan|inf`)

// inWords turns what the JSON decoder says into a place and a remedy.
func inWords(err error, data []byte) *FileError {
	var e *FileError
	if errors.As(err, &e) {
		return e
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return &FileError{Problem: "is not JSON (" + err.Error() + ")", Remedy: cocoForm, Cause: err}
	}
	end := int(syntax.Offset) // bytes read, the wrong one included
	where := fmt.Sprintf("line %d", 1+bytes.Count(data[:end], []byte("\n")))
	switch {
	case end == len(data) && strings.Contains(err.Error(), "unexpected end"):
		return &FileError{Where: where, Problem: "is cut off: the JSON does not end", Remedy: "copy or write the file again", Cause: err}
	case strings.Contains(err.Error(), "after top-level value"):
		return &FileError{Where: where, Problem: "goes on after the end of the JSON", Remedy: "keep one JSON document in the file", Cause: err}
	case notANumber.Match(data[max(0, end-2):min(len(data), end+4)]):
		return &FileError{Where: where, Problem: "holds NaN or infinity, which JSON does not know", Remedy: "leave such boxes out when writing the file", Cause: err}
	}
	return &FileError{Where: where, Problem: "is not JSON (" + err.Error() + ")", Remedy: cocoForm, Cause: err}
}
