# Notes how many processes were killed for want of memory so far, so that a later command is not taken for one of them.
note_kills() {
  local file lines
  for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ ! -r "$file" ] || { mapfile -t lines <"$file" && printf '%s\n' "${lines[@]}" >/signalman/session/kills; }
  done
}
