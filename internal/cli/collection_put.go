package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// maxPut bounds a document that is put from the command line, in bytes: as large as a file of a folder may be.
const maxPut = 64 << 20

func collectionPut(e *env) *cobra.Command {
	d := connector.Document{Type: "file"}
	var readers []string
	c := &cobra.Command{
		Use: "put NAME ID [FILE]", Short: "Put a document into a collection, in the place of the one with this ID", Args: cobra.RangeArgs(2, 3),
		Long: `Reads a file, or standard input where none or "-" is named, and puts what it says into a collection that takes documents
("push" in dragoman.yaml). It is searchable when the command ends. The end of its path says what format it has.`,
		Example: `  dragoman collection put papers handbook/leave leave.docx
  pg_dump -s shop | dragoman collection put papers schema --path shop/schema.sql --title "Tables of the shop"`,
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			in := e.in
			d.ID = args[1]
			if len(args) == 3 && args[2] != "-" {
				file, err := os.Open(args[2])
				if err != nil {
					return err
				}
				defer file.Close()
				if in = file; d.Path == "" {
					d.Path = filepath.ToSlash(filepath.Base(args[2]))
				}
			}
			if d.Path == "" {
				d.Path = d.ID
			}
			var err error
			if d.Body, err = io.ReadAll(io.LimitReader(in, maxPut+1)); err != nil {
				return err
			}
			if len(d.Body) > maxPut {
				return fmt.Errorf("a document may have %s", size(maxPut))
			}
			if len(d.Body) == 0 {
				return errors.New("there is nothing to put: name a file, or write the document to standard input")
			}
			if len(readers) > 0 {
				a, err := acl.New(readers...)
				if err != nil {
					return err
				}
				d.ACL = &a
			}
			if err := l.Put(c.Context(), operator, args[0], d); err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s is searchable as %s\n", source.Display(d.ID), source.Display(d.Path))
			return nil
		}),
	}
	f := c.Flags()
	f.StringVar(&d.Path, "path", "", "`path` under which it is shown (default: the file's name, else the ID)")
	f.StringVar(&d.Title, "title", "", "its title")
	f.StringVar(&d.URL, "url", "", "where a person opens it")
	f.StringVar(&d.Author, "author", "", "who wrote it")
	f.StringVar(&d.Team, "team", "", "whose it is")
	f.StringSliceVar(&readers, "acl", nil, "who may see it: public, org, group:TEAM, user:`NAME` (default: as its collection)")
	return c
}

func collectionDelete(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME ID", Short: "Take a document out of a collection into which documents are put", Args: cobra.ExactArgs(2),
		Example: "  dragoman collection delete papers handbook/leave",
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			if err := l.Delete(c.Context(), operator, args[0], args[1]); err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s is deleted\n", source.Display(args[1]))
			return nil
		}),
	}
}
