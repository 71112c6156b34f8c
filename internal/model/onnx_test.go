package model

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// tinyMeta is a small model's metadata: 3 joints, 16 x 16 px, 4 x 4 x 4 cells.
func tinyMeta(head Head) map[string]string {
	return map[string]string{
		"mhp.format": "1", "mhp.name": "tiny", "mhp.variant": "custom",
		"mhp.joint_set": "custom", "mhp.joints": `["Pelvis","L_Hand","R_Hand"]`, "mhp.parents": "[-1,0,0]",
		"mhp.input_width_px": "16", "mhp.input_height_px": "16",
		"mhp.heatmap_width": "4", "mhp.heatmap_height": "4", "mhp.depth_bins": "4",
		"mhp.depth_min_mm": "-1000", "mhp.depth_max_mm": "1000", "mhp.color_order": "rgb",
		"mhp.input_scale": "1", "mhp.input_mean": "0,0,0", "mhp.input_std": "1,1,1",
		"mhp.head": string(head), "mhp.coords_unit": "cells", "mhp.depth_axis": "camera", "mhp.prelu": "none", "mhp.trained": "false", "mhp.training_data": "none",
		"mhp.accuracy": "{}", "mhp.parameters": "36", "mhp.checkpoint_sha256": "", "mhp.licence": "MIT",
		"mhp.joint_definition": "none", "mhp.training_config": "",
	}
}

func sub(message []byte, num protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(message, num, protowire.BytesType), value)
}

func varint(message []byte, num protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(message, num, protowire.VarintType), value)
}

// portBytes is a ValueInfoProto; a nil shape is left out.
func portBytes(p Port) []byte {
	tensor := varint(nil, 1, uint64(p.ElemType))
	if p.Shape != nil {
		var shape []byte
		for _, d := range p.Shape {
			if d == AnyDim {
				shape = sub(shape, 1, sub(nil, 2, []byte("N")))
			} else {
				shape = sub(shape, 1, varint(nil, 1, uint64(d)))
			}
		}
		tensor = sub(tensor, 2, shape)
	}
	return sub(sub(nil, 1, []byte(p.Name)), 2, sub(nil, 1, tensor))
}

// onnxBytes is a ModelProto with ports and metadata but no nodes.
func onnxBytes(meta map[string]string, inputs, outputs []Port) []byte {
	var graph []byte
	for _, p := range inputs {
		graph = sub(graph, 11, portBytes(p))
	}
	for _, p := range outputs {
		graph = sub(graph, 12, portBytes(p))
	}
	file := sub(varint(nil, 1, 8), 7, graph)
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		file = sub(file, 14, sub(sub(nil, 1, []byte(key)), 2, []byte(meta[key])))
	}
	return file
}

func floats(name string, shape ...int64) Port { return Port{Name: name, ElemType: 1, Shape: shape} }

func tinyHeatmap() []byte {
	return onnxBytes(tinyMeta(HeadHeatmap), []Port{floats("image", AnyDim, 3, 16, 16)}, []Port{floats("heatmap", AnyDim, 12, 4, 4)})
}

// with returns metadata with some keys changed; the value "-" takes one out.
func with(meta map[string]string, changes ...string) map[string]string {
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			delete(meta, changes[i])
		} else {
			meta[changes[i]] = changes[i+1]
		}
	}
	return meta
}

func mustSpec(t *testing.T, meta map[string]string) *Spec {
	t.Helper()
	s, err := ParseSpec(meta)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
