if is_removal "$@" && has_systemd; then
  systemctl disable "$unit" > /dev/null 2>&1 || true
  if is_active; then
    keep_unit
    drain
    wait_for_end 10 || echo "signalman: the agent finishes its running job and exits then"
  fi
fi
