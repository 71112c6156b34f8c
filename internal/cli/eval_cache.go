package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"mhp/internal/dataset"
	"mhp/internal/geom"
)

// evalCache keeps predictions in a file of JSON lines: first the key, then a
// line a picture. Only the lines' places are held in memory. Without a file it
// holds nothing and forgets everything.
type evalCache struct {
	file *os.File
	at   map[int]int64 // where a picture's line begins
	end  int64
}

// cacheLine is one picture's predictions; numbers are written in full, so that
// a resumed evaluation gives the very same figures.
type cacheLine struct {
	Picture int                `json:"picture"`
	Found   []*cachePrediction `json:"found"` // null: the box could not be used
}

type cachePrediction struct {
	BoxDepthMM float64      `json:"box_depth_mm"`
	Axis       geom.Axis    `json:"axis"` // of the depths
	Root       int          `json:"root"`
	Joints     [][4]float64 `json:"joints"` // x, y px, depth mm, score
}

type cacheHead struct {
	Key string `json:"mhp_eval_cache"`
}

// cacheKey names everything that predictions depend on: the network's bytes,
// the pictures with their boxes, and the settings.
func cacheKey(job *evalJob, rt *network, f *evalFlags) string {
	h := sha256.New()
	fmt.Fprintln(h, "v4", rt.info.SHA256, job.set.Name, f.looks, rt.runner.Provider())
	var names []string
	for name := range job.settings {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(h, "%s=%s\n", name, job.settings[name])
	}
	for i := range job.set.Pictures {
		p := &job.set.Pictures[i]
		fmt.Fprintln(h, p.Name, p.Camera)
		for _, b := range p.Boxes {
			fmt.Fprintln(h, b.BoxPx)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// openCache opens or begins a cache. One of another network or other settings is refused.
func openCache(path, key string) (*evalCache, error) {
	c := &evalCache{at: map[int]int64{}}
	if path == "" {
		return c, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, &dataset.Error{File: path, Problem: "cannot be opened: " + err.Error(), Remedy: "give a file that can be written with --cache", Cause: err}
	}
	c.file = file
	if err := c.load(key); err != nil {
		return nil, errors.Join(&dataset.Error{File: path, Problem: err.Error(), Remedy: "give another file with --cache, or delete this one", Cause: err}, file.Close())
	}
	return c, nil
}

var errForeignCache = errors.New("is no cache of this network, data set and settings")

func (c *evalCache) load(key string) error {
	r := bufio.NewReaderSize(c.file, 1<<20)
	line, err := r.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(line) == 0 {
		head, err := json.Marshal(cacheHead{key})
		if err != nil {
			return err
		}
		return c.append(head)
	}
	var head cacheHead
	if err != nil || json.Unmarshal(line, &head) != nil || head.Key != key {
		return errForeignCache
	}
	c.end = int64(len(line))
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			break // a line without its end was cut off by an interruption: it is written over
		}
		var entry struct {
			Picture int `json:"picture"`
		}
		if json.Unmarshal(line, &entry) != nil {
			break
		}
		c.at[entry.Picture] = c.end
		c.end += int64(len(line))
	}
	return c.file.Truncate(c.end)
}

func (c *evalCache) append(line []byte) error {
	line = append(line, '\n')
	if _, err := c.file.WriteAt(line, c.end); err != nil {
		return fmt.Errorf("cannot be written: %w", err)
	}
	c.end += int64(len(line))
	return nil
}

func (c *evalCache) has(picture int) bool {
	_, ok := c.at[picture]
	return ok
}

func (c *evalCache) put(picture int, found []*dataset.Prediction) error {
	if c.file == nil {
		return nil
	}
	line := cacheLine{Picture: picture, Found: make([]*cachePrediction, len(found))}
	for i, p := range found {
		if p == nil {
			continue
		}
		line.Found[i] = &cachePrediction{BoxDepthMM: p.BoxDepthMM, Axis: p.Axis, Root: p.Root}
		for j, at := range p.Px {
			line.Found[i].Joints = append(line.Found[i].Joints, [4]float64{at.X, at.Y, p.DepthMM[j], p.Score[j]})
		}
	}
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return c.append(text)
}

func (c *evalCache) get(picture int) ([]*dataset.Prediction, bool, error) {
	at, ok := c.at[picture]
	if !ok {
		return nil, false, nil
	}
	text, err := bufio.NewReader(io.NewSectionReader(c.file, at, c.end-at)).ReadBytes('\n')
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", c.file.Name(), err)
	}
	var line cacheLine
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&line); err != nil {
		return nil, false, fmt.Errorf("%s: %w", c.file.Name(), err)
	}
	found := make([]*dataset.Prediction, len(line.Found))
	for i, p := range line.Found {
		if p == nil {
			continue
		}
		found[i] = &dataset.Prediction{BoxDepthMM: p.BoxDepthMM, Axis: p.Axis, Root: p.Root}
		for _, j := range p.Joints {
			found[i].Px = append(found[i].Px, geom.ImagePoint{X: j[0], Y: j[1]})
			found[i].DepthMM, found[i].Score = append(found[i].DepthMM, j[2]), append(found[i].Score, j[3])
		}
	}
	return found, true, nil
}

// Close ends the file; what is in it can be gone on from.
func (c *evalCache) Close() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}
