// Package s3 reads the objects of a bucket at Amazon, or at any server that speaks S3.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Options say which bucket is read.
type Options struct {
	Endpoint  string // "https://s3.eu-central-1.amazonaws.com", "http://minio:9000"
	Bucket    string
	Prefix    string // of the keys
	Region    string
	AccessKey string // empty: the bucket is public
	SecretKey string
	Exclude   []string // patterns of .gitignore, for keys
	MaxSize   int64    // bytes of an object; 0: 32 MB
}

// Bucket is a connector.
type Bucket struct {
	o       Options
	exclude source.Patterns
	client  *minio.Client
}

var _ connector.Connector = (*Bucket)(nil)

const maxSize = 32 << 20

// New makes a connector. transport carries its requests; nil is the default one.
func New(o Options, transport http.RoundTripper) (*Bucket, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no endpoint of S3; write it like https://s3.eu-central-1.amazonaws.com", o.Endpoint)
	}
	if o.Bucket == "" {
		return nil, errors.New("the name of the bucket is missing")
	}
	exclude, err := source.NewPatterns(o.Exclude)
	if err != nil {
		return nil, err
	}
	if o.MaxSize <= 0 {
		o.MaxSize = maxSize
	}
	signature := credentials.SignatureV4
	if o.AccessKey == "" {
		signature = credentials.SignatureAnonymous
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStatic(o.AccessKey, o.SecretKey, "", signature), Secure: u.Scheme == "https", Region: o.Region, Transport: transport, MaxRetries: 4,
	})
	if err != nil {
		return nil, fmt.Errorf("S3: %w", err)
	}
	return &Bucket{o, exclude, client}, nil
}

// Sync implements connector.Connector. The listing tells the ETag of every object, so that only new ones are fetched.
func (b *Bucket) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing
	done := 0
	for o := range b.client.ListObjects(ctx, b.o.Bucket, minio.ListObjectsOptions{Prefix: b.o.Prefix, Recursive: true}) {
		if o.Err != nil {
			return connector.Outcome{}, fmt.Errorf("list the bucket %s: %w", b.o.Bucket, o.Err)
		}
		if strings.HasSuffix(o.Key, "/") || b.exclude.Match(o.Key) {
			continue
		}
		if err := b.object(ctx, o, sink); err != nil {
			return connector.Outcome{}, err
		}
		done++
		sink.Progress(done, 0)
	}
	return connector.Outcome{Complete: true}, ctx.Err()
}

func (b *Bucket) object(ctx context.Context, o minio.ObjectInfo, sink connector.Sink) error {
	if version, ok := sink.Known(o.Key); ok && version == o.ETag {
		sink.Keep(o.Key)
		return nil
	}
	if o.Size > b.o.MaxSize {
		sink.Skip(o.Key, fmt.Sprintf("too large: %d MB; the limit is %d MB", o.Size>>20, b.o.MaxSize>>20))
		return nil
	}
	in, err := b.client.GetObject(ctx, b.o.Bucket, o.Key, minio.GetObjectOptions{})
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	defer in.Close()
	body, err := io.ReadAll(io.LimitReader(in, b.o.MaxSize+1))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sink.Skip(o.Key, err.Error()) // one object that may not be read does not end the run
		return nil
	}
	info, err := in.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	return sink.Put(ctx, connector.Document{
		ID: o.Key, Path: o.Key, Type: "file", Body: body, MediaType: media(info.ContentType), Updated: o.LastModified.UTC(), Version: info.ETag, Author: o.Owner.DisplayName,
	})
}

// media is a media type where it says something.
func media(s string) string {
	if s == "application/octet-stream" || s == "binary/octet-stream" {
		return ""
	}
	return s
}
