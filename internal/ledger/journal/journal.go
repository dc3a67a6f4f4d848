// Package journal is an append-only log in front of a database that is too slow to wait for: a record costs one small write,
// outlasts the process as soon as it is written and the machine within milliseconds, and is read again only after a crash.
//
// A journal is a folder of segments, files of a fixed size whose room is taken from the disk when they are made. A record
// is a frame: length and CRC-32C of the payload, four bytes each, little endian, then the payload. A length of zero is the end.
// A full disk is noticed when the next segment cannot be made, while there is still room for all that must yet be written:
// see Reserve.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	header = 8
	// SegmentSize is how much room is taken at once. Two segments exist at least: 16 MB.
	SegmentSize = 8 << 20
	// MaxRecord bounds a payload.
	MaxRecord = 64 << 10
	suffix    = ".journal"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrFull says that there is no room for another record, nor for what must be written after it.
var ErrFull = errors.New("the journal is full: the disk has no room, or the database does not keep up")

// Options of a journal.
type Options struct {
	// SyncEvery is how far the disk may be behind at most; 0 means that each record waits for the disk.
	SyncEvery time.Duration
	// MaxSegments bounds how far the database may be behind; 0 means 32 (256 MB).
	MaxSegments int
}

// Journal is safe for concurrent use.
type Journal struct {
	folder string
	o      Options

	mu       sync.Mutex
	current  *Segment
	spare    *Segment
	segments []*Segment // all that have records, the current one last
	next     int        // number of the next segment
	reserved int        // bytes that Reserve promised
	dirty    []*Segment // not synced
	failed   error
	closed   bool

	synced *sync.Cond
	gen    uint64 // generation of what is written
	done   uint64 // generation that is synced
	stop   chan struct{}
	ended  chan struct{}
}

// Segment is one file of the journal. Its records are counted, so that it can go when none is needed any more.
type Segment struct {
	path string
	f    *os.File
	mem  []byte // the file, mapped; nil where that is not possible
	at   int64  // where the next record goes
	refs int    // records that are needed
	old  bool   // no record will be added
	dirt bool
}

// Open makes a journal in a folder of its own, which must be empty or missing.
func Open(folder string, o Options) (*Journal, error) {
	if o.MaxSegments == 0 {
		o.MaxSegments = 32
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the journal's folder: %w", err)
	}
	j := &Journal{folder: folder, o: o, stop: make(chan struct{}), ended: make(chan struct{})}
	j.synced = sync.NewCond(&j.mu)
	for _, s := range []**Segment{&j.current, &j.spare} {
		made, err := j.make()
		if err != nil {
			return nil, errors.Join(err, j.discard())
		}
		*s = made
	}
	j.segments = []*Segment{j.current}
	go j.sync()
	return j, nil
}

func (j *Journal) discard() error {
	for _, s := range []*Segment{j.current, j.spare} {
		if s != nil {
			s.remove()
		}
	}
	return os.Remove(j.folder)
}

// make takes the room of a segment from the disk.
func (j *Journal) make() (*Segment, error) {
	path := filepath.Join(j.folder, fmt.Sprintf("%08d%s", j.next, suffix))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a segment of the journal: %w", err)
	}
	if err := allocate(f, SegmentSize); err != nil {
		return nil, errors.Join(fmt.Errorf("take room for the journal: %w", err), f.Close(), os.Remove(path))
	}
	j.next++
	s := &Segment{path: path, f: f}
	if mem, err := mapped(f, SegmentSize); err == nil { // else it is written to
		s.mem = mem
	}
	return s, nil
}

// write puts a record behind the last. The length comes last, so that a process that dies in between leaves no record.
func (s *Segment) write(payload []byte) error {
	var head [header]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(payload, castagnoli))
	if s.mem != nil {
		to := s.mem[s.at:]
		copy(to[header:], payload)
		copy(to[4:header], head[4:])
		copy(to[:4], head[:4])
	} else if _, err := s.f.WriteAt(append(head[:], payload...), s.at); err != nil {
		// The next record goes to the same place: what was written in part is overwritten.
		return fmt.Errorf("write to the journal: %w", err)
	}
	s.at += int64(header + len(payload))
	return nil
}

func (s *Segment) close() error {
	if s.mem != nil {
		unmap(s.mem)
		s.mem = nil
	}
	return s.f.Close()
}

func (s *Segment) remove() {
	_ = s.close()         // what was in it is not needed any more
	_ = os.Remove(s.path) // one that stays is read again after a crash, and its records are known by then
}

// Reserve promises room for a record of up to size bytes that is written later, and then whatever happens. It fails with
// ErrFull where there is none. Append with promised, or Release, uses the promise up.
func (j *Journal) Reserve(size int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reserve(size)
}

func (j *Journal) reserve(size int) error {
	if j.failed != nil {
		return j.failed
	}
	if j.closed {
		return os.ErrClosed
	}
	// A segment may end a record early, since records don't span segments.
	room := max(SegmentSize-int(j.current.at)-MaxRecord, 0)
	if j.spare == nil {
		if s, err := j.makeSpare(); err == nil {
			j.spare = s
		}
	}
	if j.spare != nil {
		room += SegmentSize - MaxRecord
	}
	if j.reserved+size+2*header > room {
		return ErrFull
	}
	j.reserved += size + header
	return nil
}

func (j *Journal) makeSpare() (*Segment, error) {
	if len(j.segments) >= j.o.MaxSegments {
		return nil, ErrFull
	}
	return j.make()
}

// Release gives a promise of Reserve back.
func (j *Journal) Release(size int) {
	j.mu.Lock()
	j.reserved -= size + header
	j.mu.Unlock()
}

// Append writes a record and returns the segment that holds it, to be told by Forget when it is no longer needed. promised is
// the size for which room was reserved; with 0 the record needs room beyond what others were promised.
func (j *Journal) Append(payload []byte, promised int) (*Segment, error) {
	if len(payload) == 0 || len(payload) > MaxRecord {
		return nil, fmt.Errorf("a record of %d bytes does not fit the journal", len(payload))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if promised == 0 {
		if err := j.reserve(len(payload)); err != nil {
			return nil, err
		}
		promised = len(payload)
	}
	j.reserved -= promised + header
	if j.failed != nil {
		return nil, j.failed
	}
	if int(j.current.at)+header+len(payload) > SegmentSize {
		if err := j.rotate(); err != nil {
			return nil, err
		}
	}
	s := j.current
	if err := s.write(payload); err != nil {
		return nil, err
	}
	s.refs++
	if !s.dirt {
		s.dirt = true
		j.dirty = append(j.dirty, s)
	}
	j.gen++
	if j.o.SyncEvery == 0 {
		for want := j.gen; j.done < want && j.failed == nil; {
			j.synced.Broadcast()
			j.synced.Wait()
		}
		return s, j.failed
	}
	return s, nil
}

func (j *Journal) rotate() error {
	if j.spare == nil {
		s, err := j.make() // promised records go beyond the bound rather than get lost
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
		j.spare = s
	}
	j.current.old = true
	j.drop(j.current)
	j.current, j.spare = j.spare, nil
	j.segments = append(j.segments, j.current)
	return nil
}

// Forget says that n records of a segment are no longer needed.
func (j *Journal) Forget(s *Segment, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s.refs -= n
	j.drop(s)
}

func (j *Journal) drop(s *Segment) {
	if !s.old || s.refs > 0 {
		return
	}
	j.segments = slices.DeleteFunc(j.segments, func(o *Segment) bool { return o == s })
	j.dirty = slices.DeleteFunc(j.dirty, func(o *Segment) bool { return o == s })
	s.remove()
}

// sync brings to the disk what was written, in groups.
func (j *Journal) sync() {
	defer close(j.ended)
	every := j.o.SyncEvery
	if every == 0 {
		every = time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.syncNow()
		case <-j.stop:
			j.syncNow()
			return
		}
	}
}

func (j *Journal) syncNow() {
	j.mu.Lock()
	gen, dirty := j.gen, j.dirty
	j.dirty = nil
	for _, s := range dirty {
		s.dirt = false
	}
	j.mu.Unlock()
	var failed error
	for _, s := range dirty {
		if err := flush(s.f); err != nil && !errors.Is(err, os.ErrClosed) {
			failed = fmt.Errorf("bring the journal to the disk: %w", err)
		}
	}
	j.mu.Lock()
	for _, s := range dirty {
		if s.mem != nil {
			letGo(s.mem) // it is read after a crash only
		}
	}
	j.done = gen
	if failed != nil {
		j.failed = failed // what the kernel lost it does not try again
	}
	j.synced.Broadcast()
	j.mu.Unlock()
}

// Size is how many bytes of records are kept.
func (j *Journal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	var n int64
	for _, s := range j.segments {
		n += s.at
	}
	return n
}

// Close brings everything to the disk. Where no record is needed any more, the folder goes.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	close(j.stop)
	<-j.ended
	needed := 0
	for _, s := range j.segments {
		needed += s.refs
	}
	if j.spare != nil {
		j.spare.remove()
	}
	err := j.failed
	for _, s := range j.segments {
		if needed == 0 {
			s.remove()
		} else {
			err = errors.Join(err, s.close())
		}
	}
	if needed == 0 {
		return os.Remove(j.folder)
	}
	return err
}

// Read calls f with each record of a journal that nobody writes to, the earliest first. What a crash cut off at the end of a
// segment is left out; so is what follows a damaged record of a segment, which is told by the error at the end.
func Read(folder string, f func(payload []byte) error) error {
	names, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	var damaged error
	for _, n := range names { // sorted by name, and so by age
		if !strings.HasSuffix(n.Name(), suffix) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, n.Name()))
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		if err := Records(data, f); err != nil {
			if !errors.Is(err, ErrDamaged) {
				return err
			}
			damaged = fmt.Errorf("%s: %w", n.Name(), err)
		}
	}
	return damaged
}

// ErrDamaged says that a segment holds something that no crash explains.
var ErrDamaged = errors.New("the journal is damaged")

// Records calls f with each record of a segment.
func Records(segment []byte, f func(payload []byte) error) error {
	for len(segment) >= header {
		n := int(binary.LittleEndian.Uint32(segment))
		sum := binary.LittleEndian.Uint32(segment[4:])
		if n == 0 {
			return nil
		}
		if n > MaxRecord || header+n > len(segment) || crc32.Checksum(segment[header:header+n], castagnoli) != sum {
			// The last record of a crash may be there in part. Something whole behind it means damage.
			if rest := segment[min(len(segment), header+min(n, MaxRecord)):]; len(rest) > 0 && !zero(rest[:min(len(rest), header)]) {
				return ErrDamaged
			}
			return nil
		}
		if err := f(segment[header : header+n]); err != nil {
			return err
		}
		segment = segment[header+n:]
	}
	return nil
}

func zero(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }
