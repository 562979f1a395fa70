# The service under systemd.

unit=signalman.service
# The unit of an agent that finishes its last job while its package is gone.
leaving=/run/systemd/system/$unit
settings=/etc/default/signalman
start_command="systemctl enable --now signalman"

has_manager() { [ -d /run/systemd/system ] && command -v systemctl > /dev/null; }

is_active() {
  case "$(systemctl is-active "$unit" 2> /dev/null)" in
    active | activating | deactivating | reloading) return 0 ;;
    *) return 1 ;;
  esac
}

reload_manager() { systemctl daemon-reload || true; }

start_service() { systemctl enable --now "$unit" || true; }

disable_service() { systemctl disable "$unit" > /dev/null 2>&1 || true; }

hand_over() { systemctl try-restart --no-block "$unit" || true; }

# The agent finishes its job and takes no other.
drain() { systemctl kill --signal=SIGQUIT --kill-who=main "$unit" 2> /dev/null || true; }

# The same, and systemd does not start it again. It must know the unit as long as the agent runs: otherwise it would
# forget the unit's settings, and kill the agent for the watchdog's messages that it no longer takes.
drain_last() {
  mkdir -p "$leaving.d"
  fragment=$(systemctl show --property=FragmentPath --value "$unit" 2> /dev/null) || fragment=
  case $fragment in
    /usr/lib/* | /lib/*) cp "$fragment" "$leaving" ;;
  esac
  printf '[Service]\nRestart=no\nExecStopPost=+/bin/rm -rf %s %s.d\n' "$leaving" "$leaving" > "$leaving.d/50-removed.conf"
  systemctl daemon-reload || true
  drain
}

forget_service() { rm -rf "$leaving" "$leaving.d"; }
