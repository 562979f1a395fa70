has_manager && reload_manager
if is_purge "$@"; then
  if has_manager && ! wait_for_end 60; then
    echo "signalman: a job is still running: purge again when it has ended" >&2
    exit 1
  fi
  forget_service
  rm -rf "$state" /var/log/signalman /etc/signalman
  if ! remove_user 10; then
    echo "signalman: the user signalman remains: $fault; remove it when its processes have ended: userdel signalman" >&2
  fi
elif is_removal "$@"; then
  echo "signalman: the configuration remains in /etc/signalman, the state and the logs of jobs in $state"
fi
exit 0
