package model

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// AnyDim stands in a Port's shape for a dimension that the file leaves open.
const AnyDim = -1

// elemFloat is TensorProto.DataType FLOAT of onnx.proto.
const elemFloat = 1

// Port is one declared input or output of an ONNX graph.
type Port struct {
	Name     string
	ElemType int     // TensorProto.DataType of onnx.proto: 1 is float32; 0 if it is no tensor
	Shape    []int64 // AnyDim where open; nil if the file states no shape
}

// Graph is what an ONNX file says about itself without its weights being read.
type Graph struct {
	Meta    map[string]string // metadata_props
	Inputs  []Port            // without those that are initialised weights
	Outputs []Port
	Nodes   int
}

var errNotONNX = errors.New("is not an ONNX file")

// ReadGraph scans the top of an ONNX file (onnx.proto: ModelProto 7 is graph,
// 14 metadata_props). Weights are stepped over, so that it takes microseconds.
func ReadGraph(data []byte) (*Graph, error) {
	g := &Graph{Meta: map[string]string{}}
	var found bool
	err := fields(data, func(num protowire.Number, value []byte) error {
		switch num {
		case 7:
			found = true
			return g.readGraph(value)
		case 14:
			return g.readMeta(value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w, or it is cut off: %v", errNotONNX, err)
	}
	if !found {
		return nil, fmt.Errorf("%w: it holds no graph", errNotONNX)
	}
	return g, nil
}

// fields calls each for every length-delimited field of one protobuf message
// and steps over the others. The value is a view into message.
func fields(message []byte, each func(num protowire.Number, value []byte) error) error {
	for len(message) > 0 {
		num, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if kind != protowire.BytesType {
			n = protowire.ConsumeFieldValue(num, kind, message)
			if n < 0 {
				return protowire.ParseError(n)
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := each(num, value); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}

// whole returns the last varint field num of a message, or missing.
func whole(message []byte, num protowire.Number, missing int64) (int64, error) {
	for len(message) > 0 {
		got, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		message = message[n:]
		if got == num && kind == protowire.VarintType {
			v, n := protowire.ConsumeVarint(message)
			if n < 0 {
				return 0, protowire.ParseError(n)
			}
			missing = int64(v)
			message = message[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(got, kind, message); n < 0 {
			return 0, protowire.ParseError(n)
		}
		message = message[n:]
	}
	return missing, nil
}

// readMeta adds one StringStringEntryProto: 1 is key, 2 is value.
func (g *Graph) readMeta(entry []byte) error {
	var key, value string
	err := fields(entry, func(num protowire.Number, v []byte) error {
		switch num {
		case 1:
			key = string(v)
		case 2:
			value = string(v)
		}
		return nil
	})
	if err == nil {
		g.Meta[key] = value
	}
	return err
}

// readGraph reads a GraphProto: 1 node, 5 initializer, 11 input, 12 output.
func (g *Graph) readGraph(graph []byte) error {
	weights := map[string]bool{}
	var inputs []Port
	err := fields(graph, func(num protowire.Number, value []byte) error {
		switch num {
		case 1:
			g.Nodes++
		case 5:
			return fields(value, func(num protowire.Number, v []byte) error {
				if num == 8 { // TensorProto.name
					weights[string(v)] = true
				}
				return nil
			})
		case 11, 12:
			port, err := readPort(value)
			if err != nil {
				return err
			}
			if num == 11 {
				inputs = append(inputs, port)
			} else {
				g.Outputs = append(g.Outputs, port)
			}
		}
		return nil
	})
	for _, port := range inputs {
		if !weights[port.Name] { // files before IR 4 list weights as inputs too
			g.Inputs = append(g.Inputs, port)
		}
	}
	return err
}

// readPort reads a ValueInfoProto: 1 name, 2 type; TypeProto 1 tensor_type;
// its 1 elem_type, 2 shape.
func readPort(value []byte) (Port, error) {
	var p Port
	err := fields(value, func(num protowire.Number, v []byte) error {
		switch num {
		case 1:
			p.Name = string(v)
		case 2:
			return fields(v, func(num protowire.Number, tensor []byte) error {
				if num != 1 {
					return nil
				}
				elem, err := whole(tensor, 1, 0)
				if err != nil {
					return err
				}
				p.ElemType = int(elem)
				return fields(tensor, func(num protowire.Number, shape []byte) error {
					if num != 2 {
						return nil
					}
					p.Shape, err = readShape(shape)
					return err
				})
			})
		}
		return nil
	})
	return p, err
}

// readShape reads a TensorShapeProto: 1 dim; its 1 dim_value, 2 dim_param (a name).
func readShape(shape []byte) ([]int64, error) {
	dims := []int64{}
	err := fields(shape, func(num protowire.Number, dim []byte) error {
		if num != 1 {
			return nil
		}
		d, err := whole(dim, 1, AnyDim)
		if d < 0 {
			d = AnyDim
		}
		dims = append(dims, d)
		return err
	})
	return dims, err
}

// String shows a port as name[1,3,256,256], with ? for an open dimension.
func (p Port) String() string {
	if p.Shape == nil {
		return p.Name
	}
	text := make([]string, len(p.Shape))
	for i, d := range p.Shape {
		text[i] = "?"
		if d != AnyDim {
			text[i] = fmt.Sprint(d)
		}
	}
	return p.Name + "[" + strings.Join(text, ",") + "]"
}
