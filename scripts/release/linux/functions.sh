# Shared by the scripts of the packages. A fault of the service manager never fails an installation, and nothing here
# ends a running job.

unit=signalman.service
state=/var/lib/signalman
# The unit of an agent that finishes its last job while its package is gone.
leaving=/run/systemd/system/$unit

has_systemd() { [ -d /run/systemd/system ] && command -v systemctl > /dev/null; }

is_active() {
  case "$(systemctl is-active "$unit" 2> /dev/null)" in
    active | activating | deactivating | reloading) return 0 ;;
    *) return 1 ;;
  esac
}

has_token() {
  grep -Eqs '^SEMAPHORE_AGENT_TOKEN(_FILE)?=.' /etc/signalman/environment \
    || grep -Eqs '^[[:space:]]*token(-file)?[[:space:]]*:' /etc/signalman/config.yaml
}

# Lets systemd know the unit as long as the agent runs, without starting it again. Otherwise it would forget the unit's
# settings, and kill the agent for the watchdog's messages that it no longer takes.
keep_unit() {
  mkdir -p "$leaving.d"
  fragment=$(systemctl show --property=FragmentPath --value "$unit" 2> /dev/null) || fragment=
  case $fragment in
    /usr/lib/* | /lib/*) cp "$fragment" "$leaving" ;;
  esac
  printf '[Service]\nRestart=no\nExecStopPost=+/bin/rm -rf %s %s.d\n' "$leaving" "$leaving" > "$leaving.d/50-removed.conf"
  systemctl daemon-reload || true
}

forget_unit() { rm -rf "$leaving" "$leaving.d"; }

# The agent finishes its job and takes no other.
drain() { systemctl kill --signal=SIGQUIT --kill-who=main "$unit" 2> /dev/null || true; }

# wait_for_end <seconds>: waits until no agent runs.
wait_for_end() {
  seconds=$1
  while is_active; do
    [ "$seconds" -gt 0 ] || return 1
    seconds=$((seconds - 1))
    sleep 1
  done
}
