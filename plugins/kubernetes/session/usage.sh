# Figures of this container's control group, of either version of the kernel's interface: a name and a number
# a line.
cd /sys/fs/cgroup || exit 0
show() { [ ! -r "$2" ] || { read -r value <"$2" && echo "$1 $value"; }; }
keys() { [ ! -r "$2" ] || while read -r key value; do echo "$1.$key $value"; done <"$2"; }
show memory.peak memory.peak
show memory.peak memory/memory.max_usage_in_bytes
show memory.current memory.current
show memory.current memory/memory.usage_in_bytes
keys memory memory.stat
keys memory memory/memory.stat
keys memory.events memory.events
keys memory.events memory/memory.oom_control
keys cpu cpu.stat
keys before /signalman/session/kills
show cpu.user_ns cpuacct/cpuacct.usage_user
show cpu.system_ns cpuacct/cpuacct.usage_sys
