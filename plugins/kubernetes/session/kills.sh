# Records the number of out-of-memory kills so far. A command that is killed later is compared with it.
note_kills() {
  local file lines
  for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ ! -r "$file" ] || { mapfile -t lines <"$file" && printf '%s\n' "${lines[@]}" >/signalman/session/kills; }
  done
}
