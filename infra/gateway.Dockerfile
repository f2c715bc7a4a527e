# The gateway worker: `make gateway-image` builds it for the machine's own processor and prints where it went.
FROM rust:1.95.0-alpine3.23 AS build
# aws-lc is C and assembly; the musl target of this image links everything in.
# hadolint ignore=DL3018
RUN apk add --no-cache build-base cmake perl
WORKDIR /guildhall
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/guildhall/target \
    cargo build --locked --profile worker --package gateway-worker && cp target/worker/gateway-worker /gateway-worker

# No shell, no package manager; certificates are part of the program.
FROM scratch
COPY --from=build /gateway-worker /gateway-worker
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/gateway-worker", "healthy"]
ENTRYPOINT ["/gateway-worker"]
