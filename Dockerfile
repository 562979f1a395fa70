# Third parties rely on this layout: the program is /opt/semaphore/agent, and user 1000 is "semaphore".
FROM oven/bun:1.4.5 AS build
WORKDIR /src
COPY . .
RUN bun run build --outfile=/agent

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends bash ca-certificates git openssh-client procps \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 1000 --user-group --create-home --shell /bin/bash semaphore
# Jobs run as "semaphore": they can neither replace the program, nor read it, so that the kernel closes the agent's memory to them from its start.
COPY --from=build --chown=root:root --chmod=0711 /agent /opt/semaphore/agent
COPY --from=build /agent-licenses.txt /opt/semaphore/
RUN ln -s /opt/semaphore/agent /usr/local/bin/signalman
USER semaphore
WORKDIR /home/semaphore
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["/opt/semaphore/agent", "status"]
CMD ["/opt/semaphore/agent", "start", "--config-file", "/opt/semaphore/semaphore-agent.yml"]
