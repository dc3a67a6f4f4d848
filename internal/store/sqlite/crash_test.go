package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
)

// childVariable makes the test binary a process that writes to the folder which it names, see child.
const childVariable = "DRAGOMAN_TEST_STORE"

// child is another process on a store: "FOLDER|COUNT". It writes COUNT usage rows, and prints the ID of each once it is
// acknowledged; COUNT 0 means until it is killed. In an ordinary test run it does nothing.
func child() {
	job := os.Getenv(childVariable)
	if job == "" {
		return
	}
	folder, count, _ := strings.Cut(job, "|")
	n, err := strconv.Atoi(count)
	if err == nil {
		err = writeRows(folder, n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func writeRows(folder string, n int) error {
	ctx := context.Background()
	d, err := Open(ctx, folder)
	if err != nil {
		return err
	}
	for i := 0; n == 0 || i < n; i++ {
		r := usageRow(fmt.Sprintf("%d-%d", os.Getpid(), i))
		if err := d.InsertUsage(ctx, r); err != nil {
			return err
		}
		fmt.Println(r.ID)
	}
	return d.Close()
}

func start(t *testing.T, folder string, count int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", childVariable, folder, count))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd, bufio.NewScanner(out)
}

// A process that is killed in the middle of writing loses no row that was acknowledged, and another one, which ran all the
// while, abandons its rows: not before it is dead, and once.
func TestKilled(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder)
	if err := d.InsertUsage(t.Context(), usageRow("mine")); err != nil {
		t.Fatal(err)
	}
	cmd, lines := start(t, folder, 0)
	var acknowledged []string
	for len(acknowledged) < 100 && lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
	}
	if n, err := d.AbandonUsage(t.Context()); n != 0 || err != nil {
		t.Errorf("abandoned %d rows of a process that runs, %v", n, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
	}
	_ = cmd.Wait() // it was killed, which is no news

	later := open(t, folder) // as if started after the crash
	rows, err := later.UsageOfTrace(t.Context(), "trace")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, r := range rows {
		there[r.ID] = true
	}
	for _, id := range acknowledged {
		// The last line may have been cut off by the kill.
		if !there[id] && !(id == acknowledged[len(acknowledged)-1] && len(id) < len(acknowledged[0])) {
			t.Errorf("row %s was acknowledged and is lost", id)
		}
	}
	n, err := later.AbandonUsage(t.Context())
	if err != nil || n != len(rows)-1 {
		t.Errorf("abandoned %d rows, %v; want all %d but the one of the process that runs", n, err, len(rows))
	}
	if n, err := d.AbandonUsage(t.Context()); n != 0 || err != nil {
		t.Errorf("abandoned %d rows a second time, %v", n, err)
	}
	if ok, err := d.SettleUsage(t.Context(), "mine", ledger.Settled, ledger.Outcome{}); !ok || err != nil {
		t.Errorf("the living process cannot settle its row: %v, %v", ok, err)
	}
}

// Rows that an orderly end left open are abandoned too: a process that has closed its store can settle nothing any more.
func TestClosedWithOpenRows(t *testing.T) {
	folder := t.TempDir()
	cmd, _ := start(t, folder, 3)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if n, err := open(t, folder).AbandonUsage(t.Context()); n != 3 || err != nil {
		t.Errorf("abandoned %d rows, %v", n, err)
	}
}

// Processes that find no store make it at once, together, and each of them can work.
func TestProcessesStartTogether(t *testing.T) {
	folder := t.TempDir()
	const processes, each = 4, 20
	var cmds []*exec.Cmd
	for range processes {
		cmd, _ := start(t, folder, each)
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	totals, err := open(t, folder).UsageTotals(t.Context(), time.Time{}, ledger.ByNothing)
	if err != nil || len(totals) != 1 || totals[0].Requests != processes*each {
		t.Errorf("totals %+v, %v", totals, err)
	}
}
