# A static binary on an empty image, run by nobody in particular. git is not in it: times of change come from the files.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=development
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/dragoman/dragoman/internal/cli.Version=${VERSION}" -o /dragoman ./cmd/dragoman \
 && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /dragoman /dragoman
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
ENV DRAGOMAN_DATA=/data
VOLUME /data
# Mount what is to be searched here, read-only.
WORKDIR /knowledge
EXPOSE 8017
ENTRYPOINT ["/dragoman"]
CMD ["serve", "--listen", "0.0.0.0:8017"]
