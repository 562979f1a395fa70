# The image on Alpine, from the files of a release: docker build --file scripts/release/alpine.Dockerfile dist/release
FROM alpine:3.22 AS release
WORKDIR /release
COPY SHA256SUMS agent_Linux_*_musl.tar.gz ./
RUN case $(apk --print-arch) in \
    x86_64) archive=agent_Linux_x86_64_musl.tar.gz ;; \
    aarch64) archive=agent_Linux_arm64_musl.tar.gz ;; \
    *) echo "no program for the processor \"$(apk --print-arch)\": only for x86_64 and aarch64" >&2; exit 1 ;; \
  esac \
  && awk -v name="$archive" '$2 == name' SHA256SUMS > expected \
  && { [ -s expected ] || { echo "SHA256SUMS does not name \"$archive\"" >&2; exit 1; }; } \
  && sha256sum -c expected \
  && tar -xzf "$archive" agent licenses.txt

# The program needs musl 1.2.4 or newer: Alpine 3.18.
FROM alpine:3.22
RUN apk add --no-cache bash ca-certificates coreutils git libgcc libstdc++ openssh-client procps-ng tar \
  && addgroup -g 1000 semaphore \
  && adduser -D -u 1000 -G semaphore -h /home/semaphore -s /bin/bash semaphore
# Jobs run as "semaphore": they can neither replace the program, nor read it.
COPY --from=release --chown=root:root --chmod=0711 /release/agent /opt/semaphore/agent
COPY --from=release --chown=root:root /release/licenses.txt /opt/semaphore/
RUN ln -s /opt/semaphore/agent /usr/local/bin/signalman
USER semaphore
WORKDIR /home/semaphore
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["/opt/semaphore/agent", "status"]
CMD ["/opt/semaphore/agent", "start", "--config-file", "/opt/semaphore/semaphore-agent.yml"]
