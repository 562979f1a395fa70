/**
 * Watches the event loop of its parent from outside, by a counter in a shared file (descriptor 3) that the
 * loop increments. A shell script, since it runs as long as the parent and needs hardly any memory. Ends by
 * itself when the parent is gone. It writes to no log that another user has put into a directory such as
 * `/tmp`, and creates a log that was rotated or removed, except in such a directory of another user. The
 * report comes before the kill, so that a terminal shows it before the next prompt. If stderr is a full pipe,
 * the process and the watcher are killed after a second.
 */
export const watchScript = `
pid=$1 tick=$2 mode=$3 format=$4 log=$5 limit=$6
interrupts=0
trap 'interrupts=$((interrupts + 1))' INT
trap '' HUP QUIT TERM USR2
born() {
  read -r line 2>/dev/null <"/proc/$pid/stat" || return 1
  set -- \${line##*) }
  [ "$1" != Z ] && terminal=$5 start=\${20}
}
report() {
  text="the event loop stood still for $limit, the process was killed ($1)"
  case $format in
    json) line="{\\"time\\":\\"$(date -u +%Y-%m-%dT%H:%M:%S.000Z)\\",\\"level\\":\\"error\\",\\"message\\":\\"$text\\"}" ;;
    human) line="$(date -u '+%b %e %H:%M:%S.000') level=error : $text" ;;
    *) line="error: $text" ;;
  esac
  case $log in
    */*) directory=\${log%/*}/ ;;
    *) directory=. ;;
  esac
  if [ -e "$log" ] || [ -L "$log" ]; then owned=$log; else owned=$directory; fi
  if [ -n "$log" ] && [ ! -L "$log" ] && { [ -f "$log" ] || [ ! -e "$log" ]; } &&
    { [ -O "$owned" ] || [ ! -k "$directory" ]; }; then
    printf '%s\\n' "$line" >>"$log"
  fi
  printf '%s\\n' "$line" >&2
}
born || exit
first=$start had=$terminal last= same=0
while :; do
  sleep "$tick"
  born && [ "$start" = "$first" ] || exit
  # Nobody can press Ctrl-C when the terminal has closed.
  [ "$terminal" = "$had" ] || interrupts=2
  read -r beat open </proc/self/fd/3 || exit
  if [ "$beat" = "$last" ]; then same=$((same + 1)); else same=0 last=$beat; fi
  [ $same -ge 4 ] || continue
  [ "$mode" = always ] || [ $interrupts -ge 2 ] || continue
  (sleep 1; kill -9 "$pid" $$) >/dev/null 2>&1 3<&- &
  late=$!
  report "$open"
  kill -9 "$late" "$pid"
  exit
done
`;
