# tfops and Terraform's needs: git over ssh or https for module downloads, and
# certificates. Engines are found on PATH or installed by tfops into its data
# directory, verified.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.release=${VERSION}" -o /tfops ./cmd/tfops

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 7474 --home-dir /var/lib/tfops --create-home --shell /usr/sbin/nologin tfops \
 && chmod 700 /var/lib/tfops
COPY --from=build /tfops /usr/local/bin/tfops
USER tfops
VOLUME /var/lib/tfops
# Stopping a container ends every process in it, a running apply included: an
# apply is interrupted gracefully only as far as the stop timeout allows.
# Prefer a host or VM where `tfops serve` is a service with KillMode=process.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tfops"]
CMD ["serve", "--config", "/etc/tfops/tfops.hcl"]
