# The first process of a job's container. It starts the job's terminal, executes the numbered steps that
# arrive in the FIFO "steps", each one once and in order, and ends the job's processes on request. It does not
# depend on any connection. $1: number of the job's process that has created the pod.
inherited_umask=$(umask)
workdir=$PWD
umask 077
mkdir -p /signalman/session && cd /signalman/session || exit 1
mkfifo steps keys pause || exit 1
exec 7<>steps 8<>keys 9<>pause
: >output
owner=${1:-1} next=1 acked=0 punched=0 script_pid='' is_held='' ticker=''
limit=$((64 * 1024 * 1024))

# Step: starts the job's shell in a terminal that outlives every connection. $1 is shell text.
start() {
  [ -z "$script_pid" ] || return
  # script runs $SHELL, which must be one that knows -c; the job gets the value that was there before.
  local restore='unset SHELL'
  [ -z "${SHELL+x}" ] || printf -v restore 'SHELL=%q' "$SHELL"
  (
    umask "$inherited_umask"
    cd "$workdir" || cd /
    SHELL=/bin/sh exec script -q -f -a -c "$restore; tty >/signalman/session/tty; $1" \
      /signalman/session/output <&8 >/dev/null 2>&1 7>&- 8>&- 9>&-
  ) &
  script_pid=$!
  echo "$script_pid" >holder
}

# Step: writes a file of the session, usually a command.
put() { note_kills && printf '%s' "$2" >"$1"; }

# Step: empties a file that is no longer needed.
drop() { : >"$1"; }

# Step: types a line into the terminal.
type_line() { printf '%s\n' "$1" >&8; }

# Step: restores the terminal's line mode, which a program may have switched off.
settle() { local tty; read -r tty <tty && stty icanon <"$tty"; }

# Step: acknowledges the output up to byte $1. The disk space of the output up to byte $2, which is not read
# again, is released where the file system supports that.
ack() {
  acked=$1
  (($2 - punched > 8 * 1024 * 1024)) || return
  punched=$(($2 / 4096 * 4096))
  fallocate -p -o 0 -l "$punched" output
}

# Step: ends the shell $1 beside the job's, and the leader of its terminal, which is its parent.
end_side() {
  local line
  read -r line <"/proc/$1/stat" || return
  line=${line##*) }
  line=${line#? }
  kill -KILL "$1" "${line%% *}"
}

# Step: ends the job's processes with SIGTERM, with SIGKILL after $1 milliseconds, and then its shell $2. A
# second call shortens the grace period.
end_job() {
  echo "$1" >grace
  [ -z "$is_ending" ] || return
  is_ending=1
  [ -n "$is_held" ] && kill -CONT "$script_pid" && is_held=''
  end_processes "$2" &
}

end_processes() {
  local shell=$1 elapsed=0 round=0 grace pid
  declare -A told
  [ "$shell" = 0 ] || kill -STOP "$shell"
  while find_processes "$shell" && ((${#found[@]} > 0 && round < 400)); do
    read -r grace <grace
    for pid in "${found[@]}"; do
      if ((elapsed >= grace)); then
        kill -KILL "$pid"
      elif [ -z "${told[$pid]}" ]; then
        told[$pid]=1
        kill -TERM "$pid"
        kill -CONT "$pid"
      fi
    done
    ((elapsed < grace)) || round=$((round + 1))
    read -r -t 0.05 -u 9
    elapsed=$((elapsed + 50))
  done
  if [ "$shell" = 0 ]; then kill -KILL "$script_pid"; else kill -KILL "$shell"; fi
}

# Finds the job's processes: all of this container except the supervisor, its helpers, the shell $1 and its
# ancestors.
find_processes() {
  local directory pid line parent chain
  local -A parents=() kept=()
  found=()
  for directory in /proc/[0-9]*; do
    pid=${directory#/proc/}
    # Containers may share their process ids; each has mounts of its own.
    [ $$ = 1 ] || [ "$directory/ns/mnt" -ef /proc/self/ns/mnt ] || continue
    read -r line <"$directory/stat" || continue
    line=${line##*) }
    case $line in [ZX]*) continue ;; esac
    line=${line#? }
    parents[$pid]=${line%% *}
  done
  kept[$$]=1 kept[$BASHPID]=1 kept[$ticker]=1
  [ -z "$script_pid" ] || kept[$script_pid]=1
  chain=$1
  while [ -n "$chain" ] && [ "$chain" != 0 ] && [ "$chain" != $$ ]; do
    kept[$chain]=1
    chain=${parents[$chain]}
  done
  for pid in "${!parents[@]}"; do
    [ -z "${kept[$pid]}" ] || continue
    parent=${parents[$pid]}
    # Processes of an exec have no parent in this container: the agent's connections, and debugging sessions.
    [ "$parent" != 0 ] || continue
    [ "$parent" = $$ ] || [ "${parents[$parent]}" != 0 ] || continue
    found+=("$pid")
  done
}

# Suspends a job that writes faster than its output is read.
look_around() {
  [ -n "$script_pid" ] || return
  local ahead=$(($(stat -c %s output) - acked))
  if ((ahead > limit)); then
    [ -n "$is_held" ] || { kill -STOP "$script_pid" && is_held=1; }
  elif [ -n "$is_held" ] && ((ahead < limit / 4)); then
    kill -CONT "$script_pid" && is_held=''
  fi
}

# `read` with a time limit costs ten times as much, so a ticker writes into the same FIFO.
tick() { while ! read -r -t 1 -u 9; do echo tick >&7; done; }
tick &
ticker=$!

echo "$owner $next" >owner
: >ready
while IFS= read -r -u 7 line; do
  # A line that was cut off has no mark at its end; one that came twice has an old number.
  if [ "${line%% *}" = "$owner.$next" ] && [ "${line% \#}" != "$line" ]; then
    next=$((next + 1))
    line=${line#* }
    eval "${line% \#}"
  elif [ "$line" = tick ]; then
    look_around
  elif [[ $line =~ ^own\ ([0-9]+)\ \#$ ]]; then
    # Steps of an earlier process of the job are refused from here on.
    ((BASH_REMATCH[1] <= owner)) || owner=${BASH_REMATCH[1]}
    echo "$owner $next" >owner
  fi
done 2>/dev/null
