#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR MIT
# TAP: the example of docs/embedding.md prints what the page says.
here=${0%.t}
echo 1..1
if "$here" >"$here.out" && diff "$here.expected" "$here.out" >"$here.diff"; then
	echo "ok 1 - the example of docs/embedding.md prints what it says"
else
	sed 's/^/# /' "$here.diff"
	echo "not ok 1 - the example of docs/embedding.md prints what it says"
fi
