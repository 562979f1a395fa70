create_user() {
  id signalman > /dev/null 2>&1 && return
  # Jobs run in a login shell of this user.
  shell=$(command -v bash || echo /bin/sh)
  if command -v useradd > /dev/null; then
    useradd --system --user-group --home-dir "$state/home" --no-create-home --shell "$shell" signalman
  else
    addgroup -S signalman
    adduser -S -D -H -G signalman -h "$state/home" -s "$shell" signalman
  fi
}

create_home() {
  for directory in "$state" "$state/home"; do
    [ -d "$directory" ] && continue
    mkdir -m 0700 "$directory"
    chown signalman:signalman "$directory"
  done
}

# The first installation: an agent that has a token is started.
start_agent() {
  has_manager || return 0
  reload_manager
  if has_token; then
    start_service
  else
    echo "signalman: next, put the token into /etc/signalman/environment and the endpoint into /etc/signalman/config.yaml,"
    echo "signalman: check with 'signalman doctor', and start with '$start_command'"
  fi
}

restart_agent() {
  has_manager || return 0
  forget_service
  reload_manager
  is_active || return 0
  RESTART_ON_UPGRADE=handover
  [ -f "$settings" ] && . "$settings"
  case $RESTART_ON_UPGRADE in
    handover) hand_over ;;
    after-job) drain ;;
    no) echo "signalman: the agent keeps running as the old version until it is restarted" ;;
    *) echo "signalman: RESTART_ON_UPGRADE=$RESTART_ON_UPGRADE in $settings is none of handover, after-job, no" >&2 ;;
  esac
}

create_user
create_home
if is_upgrade "$@"; then restart_agent; else
  forget_service
  start_agent
fi
