has_manager && reload_manager
if is_purge "$@"; then
  if has_manager && ! wait_for_end 60; then
    echo "signalman: a job is still running: purge again when it has ended" >&2
    exit 1
  fi
  forget_service
  rm -rf "$state" /var/log/signalman /etc/signalman
  if id signalman > /dev/null 2>&1; then
    if command -v userdel > /dev/null; then userdel signalman; else deluser signalman; fi
  fi
  # Some systems keep the group when the user is removed.
  if command -v groupdel > /dev/null; then groupdel signalman 2> /dev/null || true; fi
elif is_removal "$@"; then
  echo "signalman: the configuration remains in /etc/signalman, the state and the logs of jobs in $state"
fi
exit 0
