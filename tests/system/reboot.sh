# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What reboot and riscv-reboot do, after lib.sh: Linux reboots once; a mark on the disk tells it which
# time it is.

truncate -s 1M "$work/disk"
cat >"$work/script" <<'EOT'
mark=$(dd if=/dev/vda bs=512 count=1 2>/dev/null | tr -d '\0')
echo "mark: '$mark', CPUs: $(nproc)"
if [ "$mark" = "been here" ]; then
	[ "$(nproc)" = 4 ]
	exit
fi
printf 'been here' | dd of=/dev/vda conv=fsync,notrunc 2>/dev/null
reboot -f
sleep 60
EOT
limit=$((limit * 2))	# two boots
went_well reboot --cpus 4 ${cpu:+--cpu "$cpu"} --disk "$work/disk" --cmd-file "$work/script"
check "the guest came up twice" [ "$(grep -c 'Linux version' "$log")" = 2 ]
check "with all CPUs each time" [ "$(grep -c "^mark: .*CPUs: 4" "$log")" = 2 ]
if [ "${arch:-arm64}" = riscv64 ]; then
	check "the firmware came up twice" [ "$(grep -c '^OpenSBI v' "$log")" = 2 ]
elif [ -z "${TEST_BARE:-}" ]; then
	check "the hypervisor says that the guest reset" grep -q 'carillon: VM reset by guest' "$log"
fi
says_what_it_did
done_testing
