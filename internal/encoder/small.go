package encoder

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The int8 file is a safetensors file beside the published one, a quarter of its size: matrices are I8, and have the factors of their
// rows in a tensor of their name with scaleSuffix. Its metadata says of which file it was made, and what its own contents hash
// to. It is a cache: when it is missing, broken, or of another file, it is made again.
const (
	smallFile   = "model.int8.safetensors"
	scaleSuffix = ".scale"
	smallFormat = "dragoman-int8-rows-1"
)

// Keys of the int8 file's metadata.
const (
	keyFormat   = "format"
	keySum      = "source_sha256"
	keySize     = "source_size"
	keyModified = "source_modified" // nanoseconds since 1970
	keyContents = "contents_sha256" // of all that follows the header
)

// quantized says whether a tensor is int8 with factors.
func (t *tensors) quantized(name string) bool { return t.entries[name].Dtype == "I8" }

// openSmall opens the int8 file when it is whole. It may be of another source.
func openSmall(path string) (*os.File, *tensors, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	t, err := checkSmall(file)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, t, nil
}

func checkSmall(file *os.File) (*tensors, error) {
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	t, err := readTensors(file, st.Size())
	if err != nil {
		return nil, err
	}
	if t.metadata[keyFormat] != smallFormat {
		return nil, errors.New("it is of another format")
	}
	sum, err := hashFrom(file, t.data, st.Size())
	if err != nil {
		return nil, err
	}
	if sum != t.metadata[keyContents] {
		return nil, errors.New("its contents are not what was written")
	}
	return t, nil
}

// isOf says whether an int8 file was made of this source, by size and time; by contents where only the time differs.
func (t *tensors) isOf(source *os.File, st os.FileInfo) (bool, error) {
	if t.metadata[keySize] != strconv.FormatInt(st.Size(), 10) {
		return false, nil
	}
	if t.metadata[keyModified] == strconv.FormatInt(st.ModTime().UnixNano(), 10) {
		return true, nil
	}
	sum, err := hashFrom(source, 0, st.Size())
	return sum == t.metadata[keySum], err
}

// hashFrom is the SHA-256 of a part of a file.
func hashFrom(from io.ReaderAt, begin, end int64) (string, error) {
	sum := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, io.NewSectionReader(from, begin, end-begin), make([]byte, 1<<18)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// makesSmall says which tensors become int8: the words' vectors and the layers' matrices, which are nearly all of a model.
func makesSmall(name string, e tensor) bool {
	return len(e.Shape) == 2 && strings.HasSuffix(name, ".weight") &&
		(strings.Contains(name, "word_embeddings.") || strings.Contains(name, "encoder.layer.") || strings.Contains(name, "pooler."))
}

// writeSmall makes the int8 file of a source. Others see it only when it is whole.
func writeSmall(path string, source *tensors, metadata map[string]string) (err error) {
	names := make([]string, 0, len(source.entries))
	header := map[string]any{}
	var at int64
	place := func(name, dtype string, shape []int64, size int64) {
		header[name] = tensor{Dtype: dtype, Shape: shape, Offsets: [2]int64{at, at + size}}
		at += size
	}
	for name, e := range source.entries {
		if slices.Contains([]string{"F32", "F16", "BF16"}, e.Dtype) && !strings.HasPrefix(name, "cls.") { // the head of pre-training
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		e := source.entries[name]
		n := e.numbers()
		if makesSmall(name, e) {
			place(name, "I8", e.Shape, n)
			place(name+scaleSuffix, "F32", e.Shape[:1], 4*e.Shape[0])
		} else {
			place(name, "F32", e.Shape, 4*n)
		}
	}
	metadata[keyFormat], metadata[keyContents] = smallFormat, strings.Repeat("0", 2*sha256.Size)
	header["__metadata__"] = metadata
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, bytes.Repeat([]byte(" "), -len(text)&7)...) // the format asks that what follows be aligned

	file, err := os.CreateTemp(filepath.Dir(path), smallFile+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	if _, err := file.Seek(8+int64(len(text)), io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<18)
	for _, name := range names {
		if err := writeTensor(out, source, name); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	metadata[keyContents] = hex.EncodeToString(sum.Sum(nil))
	last, err := json.Marshal(header)
	if err != nil {
		return err
	}
	copy(text, last) // as long as before
	prefix := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if _, err := file.WriteAt(append(prefix, text...), 0); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func (e tensor) numbers() int64 { return (e.Offsets[1] - e.Offsets[0]) / bytesPer[e.Dtype] }

// writeTensor writes what the int8 file has of a tensor of the source.
func writeTensor(out io.Writer, source *tensors, name string) error {
	e := source.entries[name]
	rows, columns := 1, int(e.numbers())
	small := makesSmall(name, e)
	if small {
		rows, columns = int(e.Shape[0]), int(e.Shape[1])
	}
	var failed error
	write := func(data any) {
		if failed == nil {
			failed = binary.Write(out, binary.LittleEndian, data)
		}
	}
	var factors []float32
	line := make([]int8, columns)
	err := source.read(name, e, rows, columns, func(_ int, row []float32) {
		if !small {
			write(row)
			return
		}
		factors = append(factors, quantize(line, row))
		write(line)
	})
	if small {
		write(factors)
	}
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("tensor %q: %w", name, err)
	}
	return nil
}
