# Shared by the scripts of the packages. A fault of the service manager never fails an installation, and nothing here
# ends a running job.

state=/var/lib/signalman

has_token() {
  grep -Eqs '^SEMAPHORE_AGENT_TOKEN(_FILE)?=.' /etc/signalman/environment \
    || grep -Eqs '^[[:space:]]*token(-file)?[[:space:]]*:' /etc/signalman/config.yaml
}

# wait_for_end <seconds>: waits until no agent runs.
wait_for_end() {
  seconds=$1
  while is_active; do
    [ "$seconds" -gt 0 ] || return 1
    seconds=$((seconds - 1))
    sleep 1
  done
}
