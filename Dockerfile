# syntax=docker/dockerfile:1
# The image: the program, the shared libraries it names, and the public authorities' certificates.
#
#   docker build -t keyweir .
#   docker build --target debug -o . .        # keyweir.debug, for gdb
#   docker run --read-only -v ./policy:/etc/keyweir/policy:ro -e ANTHROPIC_KEY_A -p 8080:8080 keyweir
#
# docs/operations.md has more. The base images are arguments, for mirrors and for pinning by digest.
ARG BUILD_IMAGE=docker.io/library/rust:1-bookworm
ARG FINAL_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
RUN apt-get update -q \
 && apt-get install -qy --no-install-recommends cmake ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Features of the program: "demo simulate" are two commands that serving does not need.
ARG FEATURES="demo simulate"
# Of the commit, for a reproducible image: --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
ARG SOURCE_DATE_EPOCH=0
# The toolchain of the base image, whatever else is installed in it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    RUSTUP_TOOLCHAIN="$(cd / && rustup show active-toolchain | cut -d' ' -f1)" \
    RUSTFLAGS="--remap-path-prefix=/usr/local/cargo=/cargo --remap-path-prefix=/src=/keyweir" \
    cargo build --release --locked -p keyweir --no-default-features --features "${FEATURES}" \
 && packaging/image/rootfs target/release/keyweir /out

FROM scratch AS debug
COPY --from=build /out/debug/ /

FROM ${FINAL_IMAGE}
COPY --from=build /out/root/ /
USER 65532:65532
EXPOSE 8080 8443 9090
# SIGTERM drains.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/bin/keyweir", "healthcheck"]
ENTRYPOINT ["/bin/keyweir"]
CMD ["serve", "--policy", "/etc/keyweir/policy"]
