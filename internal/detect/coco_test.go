package detect

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mhp/internal/frame"
	"mhp/internal/geom"
)

const annotated = `{
 "images": [{"id": 7, "file_name": "train/a.jpg", "width": 640, "height": 480}, {"id": 8, "file_name": "val/a.jpg"},
  {"id": 9, "file_name": "b.jpg"}, {"id": 10, "file_name": "nobody.jpg"}],
 "categories": [{"id": 1, "name": "dog"}, {"id": 4, "name": "Person"}],
 "annotations": [
  {"image_id": 7, "category_id": 4, "bbox": [1, 2, 30, 40], "iscrowd": 0},
  {"image_id": 7, "category_id": 4, "bbox": [5, 6, 70, 80], "score": 0.25},
  {"image_id": 8, "category_id": 4, "bbox": [9, 9, 9, 9]},
  {"image_id": 9, "category_id": 1, "bbox": "a dog's is not read"},
  {"image_id": 9, "category_id": 4, "bbox": [0, 0, 600, 400], "iscrowd": 1},
  {"image_id": 9, "bbox": [3, 3, 3, 3]}]}`

const detections = `[{"image_id": 123456, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5},
 {"image_id": 123456, "category_id": 3, "bbox": [1, 2, 30, 40], "score": 0.5},
 {"image_id": "shots/c.jpg", "category_id": 1, "bbox": [2, 2, 2, 2]},
 {"image_id": "d", "bbox": [4, 4, 4, 4]}]`

func TestCOCO(t *testing.T) {
	box := func(x, y, w, h, score float64) Box {
		return Box{BoxPx: geom.BoxPx{X: x, Y: y, W: w, H: h}, Score: score, Source: SourceFile}
	}
	for _, c := range []struct {
		text, picture string
		want          []Box
		known         bool
	}{
		{annotated, "train/a.jpg", []Box{box(1, 2, 30, 40, 1), box(5, 6, 70, 80, 0.25)}, true},
		{annotated, "/data/coco/val/a.jpg", []Box{box(9, 9, 9, 9, 1)}, true},
		{annotated, `D:\coco\val\a.jpg`, []Box{box(9, 9, 9, 9, 1)}, true},
		{annotated, "a.jpg", nil, false}, // two pictures are called that
		{annotated, "elsewhere/b.jpg", []Box{box(3, 3, 3, 3, 1)}, true},
		{annotated, "nobody.jpg", nil, true},
		{annotated, "c.jpg", nil, false},
		{annotated, "9.jpg", nil, false}, // image 9 is b.jpg
		{detections, "val2017/000000123456.jpg", []Box{box(1, 2, 30, 40, 0.5)}, true},
		{detections, "123456.png", []Box{box(1, 2, 30, 40, 0.5)}, true},
		{detections, "c.jpg", []Box{box(2, 2, 2, 2, 1)}, true},
		{detections, "x/d.webp", []Box{box(4, 4, 4, 4, 1)}, true},
		{detections, "000000000001.jpg", nil, false},
		{"[]", "a.jpg", nil, false},
		{"\xef\xbb\xbf {\"annotations\": []} \n", "a.jpg", nil, false},
		{`{"annotations": [{"image_id": 5, "category_id": 1, "bbox": [1, 1, 1, 1]}]}`, "5.jpg", []Box{box(1, 1, 1, 1, 1)}, true},
		{`{"images": [{"id": 5}], "annotations": [{"image_id": 5, "category_id": 1, "bbox": [1, 1, 1, 1]}]}`, "05.jpg", []Box{box(1, 1, 1, 1, 1)}, true},
	} {
		f, err := ParseCOCO(strings.NewReader(c.text), "boxes.json")
		if err != nil {
			t.Fatal(err)
		}
		if got, known := f.For(c.picture); !slices.Equal(got, c.want) || known != c.known {
			t.Errorf("%s: boxes %v, known %v; want %v, %v", c.picture, got, known, c.want, c.known)
		}
	}
}

func TestCOCORefuses(t *testing.T) {
	entry := func(fields string) string {
		return `[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},` + "\n" + `{` + fields + `}]`
	}
	for text, says := range map[string]string{
		"":                                "boxes.json: holds nothing",
		"   \n ":                          "boxes.json: holds nothing",
		"x,y,w,h\n1,2,3,4":                "boxes.json: is not JSON",
		`"text"`:                          "boxes.json: is not JSON, or no list or object",
		"[{]":                             "boxes.json: line 1: is not JSON",
		"[1, 2":                           "boxes.json: line 1: is cut off",
		"{\"annotations\": [\n{\"bbox\":": "boxes.json: line 2: is cut off",
		"[]\n[]":                          "boxes.json: line 2: goes on after the end",
		"[] }":                            "goes on after the end",
		"{}":                              `has no "annotations"`,
		`{"annotations": 3}`:              "annotations: is a JSON number, where a list is needed",
		`[3]`:                             "[0]: is a JSON number, where an object is needed",
		strings.Repeat("[", 200) + strings.Repeat("]", 200):                                                           "nested more than 100 deep",
		`{"annotations": [{"bbox": [1,1,1,1], "bbox": [2,2,2,2]}]}`:                                                   `annotations[0]: gives "bbox" twice`,
		`{"annotations": [], "annotations": []}`:                                                                      `boxes.json: gives "annotations" twice`,
		`[{"image_id": 1, "bbox": [1,1,1,1], "extra": {"k": [{"a": 1, "a": 2}]}}]`:                                    `[0].extra.k[0]: gives "a" twice`,
		entry(`"image_id": 1, "category_id": 1, "bbox": [NaN, 2, 3, 4]`):                                              "line 2: holds NaN or infinity",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, -Infinity, 3, 4]`):                                        "line 2: holds NaN or infinity",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": nan`):                                  "line 2: holds NaN or infinity",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]`):                                                   "[1].bbox: [1, 2, 3] is not a list of 4 numbers",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, null]`):                                             "[1].bbox: [1, 2, 3, null] is not a list",
		entry(`"image_id": 1, "category_id": 1, "bbox": "1,2,3,4"`):                                                   "is not a list of 4 numbers",
		entry(`"image_id": 1, "category_id": 1, "bbox": {"x": 1}`):                                                    "is not a list of 4 numbers",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 1e999]`):                                            "is not a list of 4 numbers",
		entry(`"image_id": 1, "category_id": 1`):                                                                      "[1].bbox: is missing",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, -3, 4]`):                                               "[1].bbox: box is -3 x 4 px",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 0]`):                                                "must be above 0",
		entry(`"category_id": 1, "bbox": [1, 2, 3, 4]`):                                                               "[1].image_id: is missing",
		entry(`"image_id": 1.5, "category_id": 1, "bbox": [1, 2, 3, 4]`):                                              "[1].image_id: 1.5 is neither",
		entry(`"image_id": {"a": 1}, "category_id": 1, "bbox": [1, 2, 3, 4]`):                                         "is neither a whole number nor a file name",
		entry(`"image_id": 1, "category_id": "person", "bbox": [1, 2, 3, 4]`):                                         "[1].category_id: is a JSON string, where a whole number is needed",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 87`):                                   "[1].score: 87 is not between 0 and 1",
		entry(`"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": "high"`):                               "[1].score: is a JSON string, where a number is needed",
		`{"images": [{"id": 1}, {"id": 1}], "annotations": []}`:                                                       "images[1].id: image 1 is listed twice",
		`{"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}], "annotations": []}`:                   `images[1].file_name: "a" is listed twice`,
		`{"images": [{"file_name": "a"}], "annotations": []}`:                                                         "images[0].id: is missing",
		`{"images": [{"id": 1, "width": -3}], "annotations": []}`:                                                     "images[0]: says that the picture is -3 x 0 px",
		`{"images": [{"id": 1, "file_name": 3}], "annotations": []}`:                                                  "images[0].file_name: is a JSON number, where a text is needed",
		`{"images": [], "annotations": [{"image_id": 4, "bbox": [1, 2, 3, 4]}]}`:                                      `annotations[0].image_id: 4 is not among "images"`,
		`{"images": [{"id": 1, "width": 20, "height": 10}], "annotations": [{"image_id": 1, "bbox": [30, 2, 3, 4]}]}`: "annotations[0].bbox: box 30,2,3,4 lies outside the picture, which is 20 x 10 px",
		`{"categories": [{"id": 1, "name": "dog"}], "annotations": []}`:                                               `categories: none is named "person"`,
		`{"categories": [{"name": "person"}], "annotations": []}`:                                                     "categories[0].id: is missing",
	} {
		_, err := ParseCOCO(strings.NewReader(text), "boxes.json")
		wantError(t, err, says)
		if err != nil && !strings.HasPrefix(err.Error(), "boxes.json: ") {
			t.Errorf("error %q does not name the file", err)
		}
	}
}

func TestReadCOCOFromDisk(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone.json")
	_, err := ReadCOCO(gone)
	wantError(t, err, gone+": cannot be read: no such file")
	path := filepath.Join(t.TempDir(), "boxes.json")
	if err := os.WriteFile(path, []byte(annotated), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := ReadCOCO(path)
	if err != nil || f.People() != 4 {
		t.Fatalf("%v, %v", f, err)
	}
}

func TestFileFinder(t *testing.T) {
	f, err := ParseCOCO(strings.NewReader(detections), "boxes.json")
	if err != nil {
		t.Fatal(err)
	}
	finder := f.Finder()
	for name, n := range map[string]int{"000000123456.jpg": 1, "unknown.jpg": 0} {
		fr := frame.New(50, 50)
		fr.Name = name
		if boxes, err := finder.Find(context.Background(), fr); err != nil || len(boxes) != n {
			t.Errorf("%s: %v, %v", name, boxes, err)
		}
	}
	small := frame.New(1, 1)
	small.Name = "000000123456.jpg"
	_, err = finder.Find(context.Background(), small)
	wantError(t, err, "000000123456.jpg: person 1 that boxes.json gives for it: box 1,2,30,40 lies outside")
	if SecondPass(finder) {
		t.Error("boxes of a file ask for a second pass")
	}
}

// COCO's own file: every person that is no crowd, found by the picture's name.
func TestCOCOPeople(t *testing.T) {
	shared := os.Getenv("MHP_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(shared, "data", "coco_people", "people.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("the COCO people are not here (%v); set MHP_SHARED to the folder that holds data/", err)
	}
	f, err := ReadCOCO(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Images []struct {
			ID       int    `json:"id"`
			FileName string `json:"file_name"`
		} `json:"images"`
		Annotations []struct {
			ImageID int        `json:"image_id"`
			Crowd   int        `json:"iscrowd"`
			Box     [4]float64 `json:"bbox"`
		} `json:"annotations"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, m := range doc.Images {
		var want []geom.BoxPx
		for _, a := range doc.Annotations {
			if a.ImageID == m.ID && a.Crowd == 0 {
				want = append(want, geom.BoxPx{X: a.Box[0], Y: a.Box[1], W: a.Box[2], H: a.Box[3]})
			}
		}
		got, known := f.For(filepath.Join("images", m.FileName))
		same := slices.EqualFunc(got, want, func(g Box, w geom.BoxPx) bool { return g.BoxPx == w })
		if !known || !same {
			t.Errorf("%s: %d boxes, want %d", m.FileName, len(got), len(want))
		}
		total += len(got)
	}
	if total != 97 || f.People() != 97 {
		t.Errorf("%d people over all pictures, %d in the file, want 97", total, f.People())
	}
}

// FuzzCOCO: any text gives usable boxes or a *FileError that names the file. Its
// seeds are those below and in testdata/fuzz/FuzzCOCO.
func FuzzCOCO(f *testing.F) {
	committed, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzCOCO", "*"))
	if err != nil || len(committed) == 0 {
		f.Fatalf("no committed seeds (%v)", err)
	}
	f.Add(annotated)
	f.Add(detections)
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ParseCOCO(strings.NewReader(text), "boxes.json")
		if err != nil {
			e, ok := err.(*FileError)
			if !ok || e.Name != "boxes.json" || e.Problem == "" || e.Remedy == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		for _, p := range file.all {
			for _, b := range p.boxes {
				if malformed(b.BoxPx) != "" || !(b.Score >= 0 && b.Score <= 1) || b.Source != SourceFile {
					t.Fatalf("box %+v", b)
				}
			}
			if p.fileName != "" {
				if _, known := file.For(p.fileName); !known {
					t.Fatalf("%q is in the file and is not found", p.fileName)
				}
			}
		}
	})
}

// FuzzParseBox: any text gives a usable box or an error with a hint.
func FuzzParseBox(f *testing.F) {
	for _, s := range []string{"1,2,3,4", "NaN,1,1,1", "1,2,0,0", "", ",,,", "1e999,0,1,1", "0x1p4,0,1,1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBox(text)
		if err != nil {
			if e, ok := err.(*BoxError); !ok || e.Problem == "" || e.Remedy == "" {
				t.Fatalf("error %#v", err)
			}
		} else if malformed(b) != "" {
			t.Fatalf("box %+v", b)
		}
	})
}
