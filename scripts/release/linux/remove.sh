if is_removal "$@" && has_manager; then
  disable_service
  if is_active; then
    drain_last
    wait_for_end 10 || echo "signalman: the agent finishes its running job and exits then"
  fi
fi
