# One connection to the session, for the job's process $2: output from byte $1 on goes to standard output, lines
# on standard input are steps for the supervisor. Every line is acknowledged on standard error once it is in the
# supervisor's FIFO.
umask 077
for ((i = 0; i < 200; i++)); do
  [ -e /signalman/session/ready ] && break
  sleep 0.05
done
cd /signalman/session || exit 1

# A later process of the job owns the session.
if read -r owner next 2>/dev/null <owner && ((owner > $2)); then
  echo fenced >&2
  exit 0
fi
# An older connection may not have detected yet that it is dead.
if read -r old reader watcher 2>/dev/null <bridge; then
  mapfile -d '' -t words 2>/dev/null <"/proc/$old/cmdline"
  [ "${words[3]}" != signalman-bridge ] || kill -KILL "$old" "$reader" "$watcher"
fi
exec 7<>steps 9<>pause
# Ends a line that an older connection has not finished.
printf '\n' >&7

follow() {
  # The tail of coreutils; that of busybox looks only once a second. Looking each 10 ms instead of at every
  # write makes a flood's messages three times as large, and its transfer faster by half.
  ! tail ---disable-inotify -c 0 /dev/null || exec tail ---disable-inotify -s 0.01 -c "+$(($1 + 1))" -f output
  local from=$1 size pause=0.01
  while :; do
    size=$(stat -c %s output)
    if ((size > from)); then
      dd if=output bs=65536 iflag=skip_bytes,count_bytes skip="$from" count="$((size - from))"
      from=$size pause=0.01
    else
      sleep $pause
      [ $pause = 0.01 ] && pause=0.02 || pause=0.05
    fi
  done
}
# Reports the output's length when the process that holds the terminal has exited.
watch_end() {
  local holder name
  while ! read -r -t 1 -u 9; do
    name=script
    ! read -r holder <holder || read -r name <"/proc/$holder/comm" || name=''
    [ "$name" = script ] || echo "ended $(stat -c %s output)" >&3
  done
}

follow "$1" 2>/dev/null &
reader=$!
{ watch_end 3>&2 2>/dev/null; } &
watcher=$!
echo "$$ $reader $watcher" >bridge
type -P script >/dev/null && echo 'hello' >&2 || echo 'hello without script' >&2

while IFS= read -r line; do
  [ "$line" = beat ] || printf '%s\n' "$line" >&7
  echo "ack ${line%% *}" >&2
done
kill -KILL "$reader" "$watcher"
