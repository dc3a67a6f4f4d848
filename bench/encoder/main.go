// Command encoder runs a model over texts, writes the vectors and says what they cost. compare.py runs it beside ONNX Runtime.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/dragoman/dragoman/internal/encoder"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var o encoder.Options
	model := flag.String("model", "", "the model's `folder`")
	texts := flag.String("texts", "", "a `file` with a text per line, as a JSON string")
	passages := flag.String("passages", "", "a `file` with a passage per line, for each text, which are scored as pairs")
	out := flag.String("out", "", "`file` for the vectors, or what a head makes of the texts: float32, little endian")
	full := flag.Bool("float32", false, "compute in float32, not with int8 weights")
	single := flag.Bool("single", false, "one text at a time, as queries are")
	rounds := flag.Int("rounds", 1, "how often the texts are encoded")
	flag.IntVar(&o.Workers, "workers", 1, "forward passes at once")
	flag.IntVar(&o.MaxTokens, "tokens", 0, "tokens read of a text")
	flag.Parse()
	if *full {
		o.Precision = encoder.Float32
	}
	begun := time.Now()
	e, err := encoder.Open(*model, o)
	if err != nil {
		return err
	}
	opened := time.Since(begun)
	list, err := read(*texts)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if len(e.Labels()) > 0 {
		var second []string
		if *passages != "" {
			if second, err = read(*passages); err != nil {
				return err
			}
		}
		scores, err := heads(ctx, e, list, second)
		if err != nil {
			return err
		}
		return write(*out, scores)
	}
	vectors := make([][]float32, len(list))
	for i := range vectors {
		vectors[i] = make([]float32, e.Dimensions())
	}
	var took []time.Duration
	cpu, begun := spent(), time.Now()
	for range *rounds {
		if !*single {
			if err := e.Encode(ctx, list, vectors); err != nil {
				return err
			}
			continue
		}
		for i, text := range list {
			at := time.Now()
			if err := e.EncodeQuery(ctx, text, vectors[i]); err != nil {
				return err
			}
			took = append(took, time.Since(at))
		}
	}
	cpu, wall := spent()-cpu, time.Since(begun)
	n := float64(len(list) * *rounds)
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	report := map[string]any{
		"kernel": e.Kernel(), "open_ms": float64(opened.Microseconds()) / 1e3, "texts": n,
		"cpu_ms_each": cpu.Seconds() * 1e3 / n, "wall_ms_each": wall.Seconds() * 1e3 / n, "heap_mb": float64(memory.HeapAlloc) / 1e6,
	}
	if *single {
		slices.Sort(took)
		report["wall_ms_p50"] = took[len(took)/2].Seconds() * 1e3
	}
	if *out != "" {
		if err := write(*out, vectors); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

func read(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []string
	for in := json.NewDecoder(bufio.NewReader(f)); in.More(); {
		var text string
		if err := in.Decode(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, nil
}

func write(path string, vectors [][]float32) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, v := range vectors {
		if err := binary.Write(w, binary.LittleEndian, v); err != nil {
			return err
		}
	}
	return w.Flush()
}

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
