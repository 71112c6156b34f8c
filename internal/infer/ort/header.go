package ort

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"io"
	"os"
	"runtime"
)

// checkHeader says why a file is no shared library of this system and
// processor, "" if it is one. The system's own loader would say it less clearly.
func checkHeader(file string) string {
	kind, arch, err := readHeader(file)
	if err != nil {
		return cause(err).Error()
	}
	want := map[string]string{"windows": "PE", "darwin": "Mach-O"}[runtime.GOOS]
	if want == "" {
		want = "ELF"
	}
	switch kind {
	case want:
	case "":
		return "it is not a shared library"
	default:
		return fmt.Sprintf("it is a %s file, of another system than %s", kind, runtime.GOOS)
	}
	for _, a := range arch {
		if a == runtime.GOARCH {
			return ""
		}
	}
	return fmt.Sprintf("it is a library for %v, this program runs on [%s]", arch, runtime.GOARCH)
}

// readHeader returns the format ("ELF", "Mach-O", "PE", "" for none of them)
// and the processors that the file holds code for, in Go's names.
func readHeader(file string) (kind string, arch []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	var magic [4]byte
	if _, err := io.ReadFull(f, magic[:]); err != nil {
		return "", nil, nil // too short for any library
	}
	switch {
	case string(magic[:]) == elf.ELFMAG:
		if e, err := elf.NewFile(f); err == nil {
			return "ELF", []string{elfArch(e)}, nil
		}
	case string(magic[:2]) == "MZ":
		if p, err := pe.NewFile(f); err == nil {
			return "PE", []string{peArch(p.Machine)}, nil
		}
	default:
		return readMachO(f)
	}
	return "", nil, nil
}

func elfArch(e *elf.File) string {
	switch e.Machine {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_386:
		return "386"
	case elf.EM_ARM:
		return "arm"
	case elf.EM_RISCV:
		return "riscv64"
	case elf.EM_PPC64:
		if e.Data == elf.ELFDATA2LSB {
			return "ppc64le"
		}
	}
	return e.Machine.String()
}

func peArch(machine uint16) string {
	switch machine {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return "amd64"
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return "arm64"
	case pe.IMAGE_FILE_MACHINE_I386:
		return "386"
	}
	return fmt.Sprintf("machine %#x", machine)
}

func machoArch(cpu macho.Cpu) string {
	switch cpu {
	case macho.CpuAmd64:
		return "amd64"
	case macho.CpuArm64:
		return "arm64"
	}
	return cpu.String()
}

// readMachO reads a library for one processor or a "fat" one for several.
func readMachO(f io.ReaderAt) (string, []string, error) {
	if m, err := macho.NewFile(f); err == nil {
		return "Mach-O", []string{machoArch(m.Cpu)}, nil
	}
	fat, err := macho.NewFatFile(f)
	if err != nil {
		return "", nil, nil // no library at all
	}
	var arch []string
	for _, a := range fat.Arches {
		arch = append(arch, machoArch(a.Cpu))
	}
	return "Mach-O", arch, nil
}
