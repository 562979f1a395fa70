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

# remove_user <seconds>: removes the agent's user, or returns 1 with the reason in $fault. The processes of the last job
# end a moment after the agent, and those that the agent was told to keep may never end.
remove_user() {
  seconds=$1
  while id signalman > /dev/null 2>&1; do
    fault=$(userdel signalman 2>&1) && break
    [ "$seconds" -gt 0 ] || return 1
    seconds=$((seconds - 1))
    sleep 1
  done
  # Some systems keep the group when the user is removed.
  groupdel signalman 2> /dev/null || true
}
