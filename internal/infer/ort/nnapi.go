package ort

import (
	"fmt"
	"strings"
)

// NNAPI's flags, as nnapi_provider_factory.h of ONNX Runtime has them.
const (
	nnapiFP16        = 1 << 0 // compute in half precision
	nnapiNCHW        = 1 << 1 // keep channels first
	nnapiCPUDisabled = 1 << 2 // never NNAPI's own CPU code
	nnapiCPUOnly     = 1 << 3 // only NNAPI's own CPU code, for tests
)

var nnapiFlagNames = map[string]uint32{
	"fp16":         nnapiFP16,
	"nchw":         nnapiNCHW,
	"cpu_disabled": nnapiCPUDisabled,
	"cpu_only":     nnapiCPUOnly,
}

// nnapiFlags turns options such as fp16=1 into the flags that the library's
// function takes. Values are 0, 1, true or false.
func nnapiFlags(options map[string]string) (uint32, error) {
	var flags uint32
	for _, key := range keys(options) {
		flag, ok := nnapiFlagNames[key]
		if !ok {
			return 0, fmt.Errorf("nnapi has no option %q; it has cpu_disabled, cpu_only, fp16, nchw", key)
		}
		switch strings.ToLower(options[key]) {
		case "1", "true":
			flags |= flag
		case "0", "false":
		default:
			return 0, fmt.Errorf("nnapi option %s is %q, not 0 or 1", key, options[key])
		}
	}
	if flags&nnapiCPUDisabled != 0 && flags&nnapiCPUOnly != 0 {
		return 0, fmt.Errorf("nnapi options cpu_disabled and cpu_only exclude each other")
	}
	return flags, nil
}
