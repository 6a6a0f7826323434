# What a test does with the service under a systemd of its own; each line of its output
# is one fact. It ends the machine.
trap 'systemctl poweroff --no-block' EXIT
unit=auditship.service
property() { systemctl show "$unit" --property="$1" --value; }
fact() { echo "$1=$2"; }
eventually() { for _ in $(seq 100); do "$@" && return 0; sleep 0.1; done; return 1; }
says() { auditship health | grep -q "$1"; }
restarted() { [ "$(property NRestarts)" = "$1" ] && [ "$(property ActiveState)" = active ]; }

systemctl start "$unit"
fact started "$(property ActiveState)"
status=/proc/$(property MainPID)/status
# A process that may not be dumped belongs to root in /proc; its status says whose it is.
fact user "$(id -nu "$(awk '/^Uid:/ {print $3}' "$status")")"
fact capabilities "$(awk '/^Cap(Eff|Prm|Bnd)/ {print $2}' "$status" | sort -u)"
fact seccomp "$(awk '/^Seccomp:/ {print $2}' "$status")"
eventually says 'elasticsearch: unreachable'; fact waits $?
fact state "$(stat --format='%a %U' /var/lib/auditship/positions.log)"

# It waits, which is no reason to restart it. (The watchdog's time is one second here.)
sleep 3
fact restarts "$(property NRestarts)"

pid=$(property MainPID)
systemctl reload "$unit"; fact reload $?
fact reloaded "$(property ActiveState)"
cp -p /etc/auditship/auditship.yml /root/good.yml
echo 'nonsense: 1' >>/etc/auditship/auditship.yml
systemctl reload "$unit" 2>/dev/null; fact badreload $?
[ "$(property MainPID)" = "$pid" ]; fact sameprocess $?
cp -p /root/good.yml /etc/auditship/auditship.yml

# It hangs.
kill -STOP "$pid"
eventually restarted 1; fact watchdog $?

# It crashes.
kill -ABRT "$(property MainPID)"
eventually restarted 2; fact crash $?

systemctl stop "$unit"; fact stop $?
fact result "$(property Result)"

# A wrong configuration is not tried again and again.
echo 'nonsense: 1' >>/etc/auditship/auditship.yml
systemctl start "$unit" 2>/dev/null; fact wrongstart $?
sleep 1
fact wrongstate "$(property ActiveState) $(property NRestarts)"
